/* prototype of own policy */
#include <stdio.h>
#include <stdlib.h>
#include "sim.h"
#define NONE UINT32_MAX
static double K = 8, W = 1;
static int opt_hit=1, opt_ghost=1, opt_hitwin=0;
struct list { uint32_t head, tail, len; };
static struct list q[SIM_CLIENTS][2];
static uint32_t *prv, *nxt; static uint64_t *stamp, *seen; static uint8_t *where, *promo, *gq;
static double KC[SIM_CLIENTS], hits[SIM_CLIENTS][2], area[SIM_CLIENTS][2]; static unsigned nputs[SIM_CLIENTS];
static double EP=0.25, KMAX=256, KMIN=0.25, STEP=2, DEC=0; static int ADAPT=1; static double PF=0, up[SIM_CLIENTS]; static uint64_t *last; static int PUTONLY=0; static int TIE=1, MARG=0; static double K0=32, LO=.5, HI=2; static uint64_t rnd;
static uint32_t cap, used; static uint64_t now_; static unsigned ncl;
static void ladd(struct list *l, uint32_t p){ prv[p]=l->tail; nxt[p]=NONE; if(l->tail==NONE) l->head=p; else nxt[l->tail]=p; l->tail=p; l->len++; }
static void ldel(struct list *l, uint32_t p){ if(l->head==p) l->head=nxt[p]; else nxt[prv[p]]=nxt[p]; if(l->tail==p) l->tail=prv[p]; else prv[nxt[p]]=prv[p]; l->len--; }
static void start(const struct stream *s, uint32_t c)
{
    const char *e;
    if ((e=getenv("K"))) K=atof(e);
    if ((e=getenv("W"))) W=atof(e);
    if ((e=getenv("HIT"))) opt_hit=atoi(e);
    if ((e=getenv("GHOST"))) opt_ghost=atoi(e);
    if ((e=getenv("HITWIN"))) opt_hitwin=atoi(e);
    prv=sim_alloc(s->nr_pages,4); nxt=sim_alloc(s->nr_pages,4); stamp=sim_alloc(s->nr_pages,8); seen=sim_alloc(s->nr_pages,8);
    where=sim_alloc(s->nr_pages,1); promo=sim_alloc(s->nr_pages,1); gq=sim_alloc(s->nr_pages,1);
    if ((e=getenv("EP"))) EP=atof(e);
    if ((e=getenv("PF"))) PF=atof(e);
    if ((e=getenv("TIE"))) TIE=atoi(e);
    rnd=1; last=sim_alloc(s->nr_pages,8);
    if ((e=getenv("PUTONLY"))) PUTONLY=atoi(e);
    if ((e=getenv("MARG"))) MARG=atoi(e);
    if ((e=getenv("K0"))) K0=atof(e);
    if ((e=getenv("LO"))) LO=atof(e);
    if ((e=getenv("HI"))) HI=atof(e);
    if ((e=getenv("DEC"))) DEC=atof(e);
    if ((e=getenv("KMAX"))) KMAX=atof(e);
    if ((e=getenv("KMIN"))) KMIN=atof(e);
    if ((e=getenv("STEP"))) STEP=atof(e);
    if ((e=getenv("ADAPT"))) ADAPT=atoi(e);
    for (int i=0;i<SIM_CLIENTS;i++) { KC[i]=K; up[i]=1; nputs[i]=0; hits[i][0]=hits[i][1]=area[i][0]=area[i][1]=0; }
    cap=c; used=0; now_=1; ncl=s->nr_clients;
    for (int i=0;i<SIM_CLIENTS;i++) for(int j=0;j<2;j++) q[i][j]=(struct list){NONE,NONE,0};
}
static void end(void){ free(prv);free(nxt);free(stamp);free(seen);free(where);free(promo); free(last); free(gq); }
static double eff(unsigned c, int j){ struct list *l=&q[c][j]; if(l->head==NONE) return -1; double a=now_-stamp[l->head]; return j? a/KC[c] : a; }
static void del(uint32_t p){ unsigned w=where[p]-1; ldel(&q[w/2][w%2],p); where[p]=0; used--; }
static void evict(void){ double best=-1; uint32_t v=0; for(unsigned c=0;c<ncl;c++) for(int j=0;j<2;j++){ double e=eff(c,j); if(e>best){best=e; v=q[c][j].head;} }
    /* ghost: remember put time in stamp */
    seen[v]=stamp[v]; gq[v]=(where[v]-1)%2; del(v); }
static void put(uint32_t p, unsigned c)
{
    if (used==cap) evict();
    area[c][0]+=q[c][0].len; area[c][1]+=q[c][1].len;
    if (ADAPT && ++nputs[c] >= EP*(q[c][0].len+q[c][1].len)+16) {
        double a=hits[c][1]*area[c][0], b=hits[c][0]*area[c][1];
        up[c] = hits[c][0]+hits[c][1] == 0;
        if (TIE && a==b && KC[c] > K0) KC[c]/=STEP;
        if (a > b || (TIE && a==b && KC[c] < K0)) KC[c] = KC[c]*STEP > KMAX ? KMAX : KC[c]*STEP;
        if (a < b) KC[c] = KC[c]/STEP < KMIN ? KMIN : KC[c]/STEP;
        nputs[c]=0; hits[c][0]*=DEC;hits[c][1]*=DEC;area[c][0]*=DEC;area[c][1]*=DEC;
    }
    int j=promo[p]; if (PUTONLY) { double e0=eff(c,0), e1=eff(c,1), E = e0>e1?e0:e1; j = last[p] && now_-last[p] < KC[c]*E*W; } last[p]=now_; if (!j && PF>0 && up[c] && sim_random(&rnd) < PF*4294967296.) j=1;  promo[p]=0; seen[p]=0;
    stamp[p]=now_++; where[p]=1+c*2+j; ladd(&q[c][j],p); used++;
}
static bool get(uint32_t p, unsigned c)
{
    double e0=eff(c,0), e1=eff(c,1), E = e0>e1?e0:e1;
    if (where[p]) { { int j=(where[p]-1)%2; double a=now_-stamp[p]; if (j) a/=KC[c]; if (!MARG || a >= E*LO) hits[c][j]++; }
        promo[p]=opt_hit && (!opt_hitwin || now_-stamp[p] < KC[c]*E/2);
        del(p); return true; }
    if (seen[p] && MARG) { int j=gq[p]; double a=now_-seen[p]; if (j) a/=KC[c]; if (a<=E*HI) hits[c][j]++; }
    if (seen[p] && opt_ghost && now_-seen[p] < KC[c]*E*W) promo[p]=1;
    seen[p]=0;
    return false;
}
static void flush(uint32_t p, unsigned c){ if(where[p]) del(p); seen[p]=0; promo[p]=0; last[p]=0; }
const struct sim_policy policy_proto = { "proto", start, put, get, flush, end };
