/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_table.h - the tmem commands' entries of cmd_table
 *
 * Included in the midst of that table. "xl help", and so bash's completion of
 * commands, know them from there.
 */
    { "tmem-list",
      &main_tmem_list, 0, 0,
      "List transcendent memory statistics, as raw text",
      "[-l] <-a|Domain>",
      "-a                      List all domains and the host.\n"
      "-l                      List all there is.",
    },
    { "tmem-freeze",
      &main_tmem_freeze, 0, 1,
      "Let domains add no new pages to transcendent memory",
      "<-a|Domain>",
      "-a                      Freeze all domains, also those to come.",
    },
    { "tmem-thaw",
      &main_tmem_thaw, 0, 1,
      "End a freeze",
      "<-a|Domain>",
      "-a                      Thaw all domains.",
    },
    { "tmem-set",
      &main_tmem_set, 0, 1,
      "Show or change a domain's share of transcendent memory",
      "[-w WEIGHT] [-c CAP] [-p COMPRESS] [-g GROUP] <-a|Domain>",
      "-a                      Of all domains that have used it.\n"
      "-w WEIGHT               Share of ephemeral memory, 0 to 65535; 0: none.\n"
      "-c CAP                  Most frames of ephemeral pages; 0: no limit.\n"
      "-p COMPRESS             1: allow to compress new pages; 0: don't.\n"
      "-g GROUP                Pages of domains of one group that are the same\n"
      "                        are there once: 1 to 65535; 0: in no group.\n"
      "Without -w, -c, -p and -g, what they are is shown.",
    },
    { "tmem-shared-auth",
      &main_tmem_shared_auth, 0, 1,
      "Let a domain join a shared pool of transcendent memory, or no more",
      "-u UUID -A 0|1 <-a|Domain>",
      "-a                      All domains, and whatever the UUID.\n"
      "-u UUID                 The pool, as abcdef01-2345-6789-1234-567890abcdef.\n"
      "-A 0|1                  1: allow it; 0: withdraw that.",
    },
    { "tmem-top",
      &main_tmem_top, 0, 0,
      "Show what domains do with transcendent memory, again and again",
      "[-d SECONDS] [-n TIMES]",
      "-d SECONDS              Time between two tables, 1 to 3600 (2).\n"
      "-n TIMES                End after so many; without it, after one if the\n"
      "                        output is no terminal, else when q is pressed.",
    },
    { "tmem-freeable",
      &main_tmem_freeable, 0, 0,
      "Print how many MiB transcendent memory would give back at once",
      "",
    },

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
