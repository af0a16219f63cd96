#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boot Xen and a dom0 under QEMU, and watch the serial console.

Three ways to use it:

  (default)      wait until the machine powers off, show the verdict lines
                 ("PASS ...", "FAIL ...") as they come; the last line is
                 "N passed, N failed". Exit 0 if there was a line "TEST: done",
                 and none has failed; 3 if the machine was reset before that,
                 else 1. QEMU's own exit status tells nothing.
  --until TEXT   stop as soon as a line with TEXT comes, and show that line.
  --shell        when dom0's shell is there, connect it to the terminal.

The whole console goes to --log. A boot that does not end within --limit
seconds is stopped, and its last lines are shown.

KVM is used if a hypervisor really boots with it: /dev/kvm may be there and
yet not be good for that, so it is tried, once for a machine; else the CPU is
emulated.
"""
import argparse
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
import tty

# Emulated: what PV and PVH guests need, and nothing that Xen then runs into
# under QEMU's emulation: with SMAP a 6.1 dom0 crashes, with XSAVE registers
# are corrupted, with RDTSCP PVH guests hang. One thread for all CPUs makes it
# likely that an interrupt which Xen injects comes twice (helper_vmrun() leaves
# exception_index set; what stops the CPU before the next VMEXIT delivers it).
EMULATED = ['-accel', 'tcg,thread=multi', '-cpu', 'qemu64,+npt']
KVM = ['-accel', 'kvm', '-cpu', 'host']

# Xen prints this when dom0 is about to run: as far as KVM has to get.
DOM0_STARTS = 'Dom0 has maximum'
KVM_LIMIT = 25

# A test may say that dom0 is alive; if it did, it has to go on doing so.
ALIVE = 'CHECK: alive'
ALIVE_LIMIT = 150   # seconds

# What it says when something is wrong with it.
HYPERVISOR_TROUBLE = re.compile(
    r'\(XEN\) .*(Assertion .* failed|Xen (BUG|WARN) at|Panic on CPU|'
    r'FATAL TRAP|FATAL PAGE FAULT|Watchdog timer)')

# What dom0 may have beyond its memory: room for its own persistent pages.
DOM0_ROOM = 128

XEN_OPTIONS = ('com1=115200,8n1 console=com1 loglvl=all guest_loglvl=all '
               'dom0_max_vcpus=1 dom0_vcpus_pin')
LINUX_OPTIONS = 'console=hvc0 earlyprintk=xen panic=5 quiet'


def parse():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument('--xen', required=True)
    p.add_argument('--kernel', required=True, help='ELF vmlinux of dom0')
    p.add_argument('--initrd', required=True)
    p.add_argument('--log', required=True, help='gets the whole console')
    p.add_argument('--state', required=True,
                   help='folder that keeps whether KVM works')
    p.add_argument('--sysroot', help='folder with an unpacked QEMU')
    p.add_argument('--options', default='', help="more options for Xen")
    p.add_argument('--memory', type=int, default=3072, help='MiB')
    p.add_argument('--dom0-memory', type=int, default=1024, help='MiB')
    p.add_argument('--cpus', type=int, default=2)
    p.add_argument('--limit', type=float, default=600, help='seconds')
    p.add_argument('--until', metavar='TEXT')
    p.add_argument('--shell', action='store_true')
    return p.parse_args()


class Machine:
    """A QEMU, its serial console read line by line."""

    def __init__(self, opt, accel):
        self.log = open(opt.log, 'wb')
        # State of the CPU at each reset: what a triple fault leaves behind.
        self.resets = re.sub(r'\.log$', '', opt.log) + '.resets'
        env = dict(os.environ)
        qemu = shutil.which('qemu-system-x86_64')
        command = []
        if not qemu:
            lib = 'lib/x86_64-linux-gnu'
            root = opt.sysroot or ''
            qemu = f'{root}/usr/bin/qemu-system-x86_64'
            if not os.path.exists(qemu):
                sys.exit('no qemu-system-x86_64: run boot/fetch-boot.sh')
            env['LD_LIBRARY_PATH'] = f'{root}/usr/{lib}:{root}/{lib}'
            command = ['-L', f'{root}/usr/share/qemu',
                       '-L', f'{root}/usr/share/seabios']
        memory = opt.dom0_memory
        command = [qemu, *command, *accel, '-m', str(opt.memory),
                   '-smp', str(opt.cpus), '-display', 'none', '-nodefaults',
                   '-no-reboot', '-serial', 'stdio',
                   '-d', 'cpu_reset', '-D', self.resets, '-kernel', opt.xen,
                   '-append', f'{XEN_OPTIONS} dom0_mem={memory}M,'
                              f'max:{memory + DOM0_ROOM}M {opt.options}',
                   '-initrd', f'{opt.kernel} {LINUX_OPTIONS},{opt.initrd}']
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        self.out = self.process.stdout.fileno()
        self.start = time.monotonic()
        self.rest = b''
        self.last = []

    def seconds(self):
        return time.monotonic() - self.start

    def read(self, timeout):
        """Bytes of the console; b'' at its end; None when there are none."""
        if not select.select([self.out], [], [], timeout)[0]:
            return None
        data = os.read(self.out, 65536)
        self.log.write(data)
        self.log.flush()
        return data

    def lines(self, limit):
        """Each line of the console. None now and then when nothing comes.
        Ends with the machine, or after limit seconds."""
        while self.seconds() < limit:
            data = self.read(0.5)
            if data is None:
                yield None
                continue
            if not data:
                return
            *whole, self.rest = (self.rest + data).split(b'\n')
            for line in whole:
                text = line.decode(errors='replace').strip()
                if text:
                    self.last = self.last[-11:] + [text]
                    yield text

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.log.close()

    def show_end(self, why):
        print(f'{why} after {self.seconds():.0f} s. The last lines:',
              file=sys.stderr)
        for line in self.last:
            print('  ' + line[:160], file=sys.stderr)
        print(f'The whole console: {self.log.name}', file=sys.stderr)


class Progress:
    """One line that changes, on a terminal; elsewhere nothing."""

    def __init__(self):
        self.on = sys.stderr.isatty()
        self.text = ''

    def show(self, machine, line):
        if not self.on:
            return
        if line:
            self.text = re.sub(r'^(\(XEN\)|\[[ 0-9.]+\]|BOOT:) *', '', line)
        text = f'booting, {machine.seconds():3.0f} s: {self.text}'
        print(f'\r{text[:78]:78}', end='', file=sys.stderr, flush=True)

    def clear(self):
        if self.on:
            print(f'\r{"":78}\r', end='', file=sys.stderr, flush=True)


def kvm_works(opt):
    """Boot the hypervisor with KVM, as far as the start of dom0."""
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return False
    known = os.path.join(opt.state, 'kvm')
    # Until the next boot of this machine.
    with open('/proc/sys/kernel/random/boot_id') as f:
        boot_id = f.read().strip()
    try:
        with open(known) as f:
            seen, verdict = f.read().split()
        if seen == boot_id:
            return verdict == 'works'
    except (OSError, ValueError):
        pass

    print('trying KVM ...', end=' ', flush=True)
    machine = Machine(opt, KVM)
    works = any(line and DOM0_STARTS in line
                for line in machine.lines(KVM_LIMIT))
    machine.stop()
    print('works' if works else 'not usable: emulating the CPU')
    with open(known, 'w') as f:
        f.write(f'{boot_id} {"works" if works else "fails"}\n')
    return works


def connect(machine):
    """Join the terminal and the console until the machine ends."""
    stdin = sys.stdin.fileno()
    saved = termios.tcgetattr(stdin) if os.isatty(stdin) else None
    if saved:
        tty.setraw(stdin)
    try:
        sources = [stdin, machine.out]
        while True:
            ready = select.select(sources, [], [])[0]
            if machine.out in ready:
                data = machine.read(0)
                if not data:
                    return
                os.write(sys.stdout.fileno(), data)
            if stdin in ready:
                data = os.read(stdin, 1024)
                if not data:
                    sources.remove(stdin)
                    continue
                machine.process.stdin.write(data)
                machine.process.stdin.flush()
    finally:
        if saved:
            termios.tcsetattr(stdin, termios.TCSADRAIN, saved)


def run_shell(opt, machine):
    progress = Progress()
    for line in machine.lines(opt.limit):
        progress.show(machine, line)
        if line and line.startswith('BOOT: shell'):
            progress.clear()
            print(f'dom0 is up after {machine.seconds():.0f} s; xl is there, '
                  "'guests' starts two guests,\n"
                  "'poweroff -f' ends it. The console is logged to "
                  f'{os.path.relpath(opt.log)}', flush=True)
            connect(machine)
            return 0
    progress.clear()
    machine.show_end('no shell')
    return 1


def run_until(opt, machine):
    progress = Progress()
    for line in machine.lines(opt.limit):
        progress.show(machine, line)
        if line and opt.until in line:
            progress.clear()
            print(f'{line}\n(seen after {machine.seconds():.0f} s)')
            return 0
    progress.clear()
    machine.show_end(f"'{opt.until}' not seen")
    return 1


class Verdicts:
    """What the lines of a test's console say; boot/check-dom0.sh tells what
    there may be."""

    def __init__(self):
        self.live = []      # as they came
        self.again = []     # repeated at the end
        self.own = []       # of this program
        self.planned = []
        self.done = None    # or how many the test had

    def line(self, text, seconds):
        """Take a line, and show it if it is for the reader."""
        if text.startswith(('PASS ', 'FAIL ')):
            self.live.append(text)
            print(text, flush=True)
        elif text.startswith(('= PASS ', '= FAIL ')):
            self.again.append(text[2:])
        elif text.startswith('CHECK: plan '):
            self.planned = text.split()[2:]
        elif text.startswith('CHECK: end '):
            name = text[len('CHECK: end '):]
            self.planned = [p for p in self.planned if p != name]
        elif text.startswith('CHECK: ') and text != ALIVE:
            print(f'{text[len("CHECK: "):]}: starts after {seconds:.0f} s',
                  flush=True)
        elif text.startswith('BOOT: toolstack up'):
            print(f'dom0 is up after {seconds:.0f} s', flush=True)
        elif text.startswith('NOTE: '):
            print('  ' + text[len('NOTE: '):][:150], flush=True)
        elif text.startswith('BOOT: ') and 'FAILED' in text:
            print('  ' + text, flush=True)
        elif text.startswith('TEST: done'):
            self.done = int((text.split()[2:] or [len(self.live)])[0])
        elif HYPERVISOR_TROUBLE.match(text):
            self.add('FAIL hypervisor: ' + text[len('(XEN) '):])

    def add(self, text):
        """A verdict of our own."""
        self.own.append(text)
        print(text, flush=True)

    def end(self):
        """Judge what there was: (passed, failed) lines."""
        # The repeated ones count if they are complete: a live line may have
        # been garbled by one of Xen's.
        verdicts = self.live
        if self.done is None:
            self.add('FAIL boot: the test did not come to its end')
            for name in self.planned:
                self.add(f'FAIL {name}: no verdict')
        elif self.done == len(self.again):
            verdicts = self.again
            for text in self.again:
                if text not in self.live:
                    print(text)
        elif self.done > len(self.live):
            self.add(f'FAIL console: {len(self.live)} of {self.done} verdicts')
        if not verdicts and not self.own:
            self.add('FAIL test: no verdict')
        verdicts = verdicts + self.own
        return ([v for v in verdicts if v.startswith('PASS')],
                [v for v in verdicts if v.startswith('FAIL')])


def run_test(opt, machine):
    progress = Progress()
    verdicts = Verdicts()
    heard = None
    why = 'the test did not come to its end'
    for line in machine.lines(opt.limit):
        now = machine.seconds()
        progress.show(machine, line)
        if line:
            progress.clear()
            verdicts.line(line, now)
        if line == ALIVE:
            heard = now
        if heard and now > heard + ALIVE_LIMIT:
            why = f'no sign of life from dom0 for {ALIVE_LIMIT} s'
            break
    progress.clear()
    reset = False
    if verdicts.done is None:
        # One whose Xen resets it ends as if it had been switched off.
        reset = machine.process.poll() is not None
        if reset:
            why = f'the machine was reset ({machine.resets})'
        machine.show_end(why)
    passed, failed = verdicts.end()
    with open(re.sub(r'\.log$', '', opt.log) + '.verdicts', 'w') as f:
        f.write('\n'.join(passed + failed) + '\n')
    if failed:
        print(f'The whole console: {opt.log}')
    print(f'it took {machine.seconds():.0f} s')
    sys.stderr.flush()
    print(f'{len(passed)} passed, {len(failed)} failed', flush=True)
    return 3 if reset else 1 if failed else 0


def main():
    opt = parse()
    os.makedirs(opt.state, exist_ok=True)
    # So that what "timeout" ends leaves no QEMU behind.
    for end in signal.SIGTERM, signal.SIGHUP:
        signal.signal(end, lambda *_: sys.exit(143))
    accel = KVM if kvm_works(opt) else EMULATED
    machine = Machine(opt, accel)
    try:
        if opt.shell:
            return run_shell(opt, machine)
        if opt.until:
            return run_until(opt, machine)
        return run_test(opt, machine)
    except KeyboardInterrupt:
        return 130
    finally:
        machine.stop()


sys.exit(main())
