/*
 * The replication of one shard as `replication/` does it: configuration in etcd by compare-and-swap, log rows shipped
 * from a primary to its members, takeover by a full member with its own log. When a node changes the configuration is
 * as in `actors/replica_judgement.cpp`. docs/decisions/2026-11-25-replication-model.md says what is left out and why;
 * tests/model/CMakeLists.txt says within which bounds it is checked.
 *
 * How to read it. A step is one `:: when(...)` of process `replica`: its guard says when a node may take it, the rest is
 * done at once. A step that is never taken is a lost message, one taken late is a slow node. A *paused* node is one
 * whose steps wait while others' go on, so it needs no code: what a node holds in memory (a belief to be primary, who is
 * in step, which claims it may send) may be arbitrarily old. What a step reads of another node is what that node's
 * answer said at that moment; `late_message` and `late_swap` hold what arrives after its sender has forgotten it.
 *
 * Every execution is finite, because each fault has a budget and each other step brings something forward. So whether a
 * shard can be wedged is a question about last states: `init` looks at them when nothing else can be done.
 *
 * Each -DMUTANT_... plants one bug. The suite demands that each is found.
 */

/* --- bounds ------------------------------------------------------------------------------------------------------- */

#define NODES 3
#define MIN_REPLICAS 2 /* cluster.min-replicas */

#ifndef NOTIFICATIONS
#define NOTIFICATIONS 1 /* events, each causing one notification */
#endif
#define ROWS (2 * NOTIFICATIONS) /* an event's row and its claim's */

#ifndef FIRST_MEMBERS
#define FIRST_MEMBERS 7 /* bit n: node n is a full member of the first configuration. 7: all; 3: node 2 is spare */
#endif
#ifndef FIRST_LEARNERS
#define FIRST_LEARNERS 0 /* and learners, alike */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef SUSPICIONS
#define SUSPICIONS 1 /* of nodes that live */
#endif
#ifndef LATE_MESSAGES
#define LATE_MESSAGES 0
#endif
#ifndef LOST_ANSWERS
#define LOST_ANSWERS 1 /* swaps whose answer is lost: applied, not applied, or applied later */
#endif
#ifndef FAULT_EPOCHS
#define FAULT_EPOCHS 3 /* while there are faults no epoch above this is asked for */
#endif
#define EPOCHS 7 /* enough to settle after them */

/* --- sets of nodes, rows ------------------------------------------------------------------------------------------ */

#define only(n) (1 << (n))
#define in(n, set) (((set) >> (n)) & 1)
#define size(set) (in(0, set) + in(1, set) + in(2, set))
#define wanted size(FIRST_MEMBERS | FIRST_LEARNERS) /* cluster.replicas */

/* A row is (epoch, what it holds); its seq is its place in the log. Events and claims are numbered by notification. */
#define event(i) (2 * (i) + 1)
#define claim(i) (2 * (i) + 2)
#define row_of(epoch, what) ((epoch) * 8 + (what))
#define what_of(row) ((row) & 7)

/* --- state -------------------------------------------------------------------------------------------------------- */

/* Who is full: has the whole log, may take over; tailing: counts, as a full one does, but never takes over; a learner:
 * counts for nothing. */
typedef Roles {
  unsigned full_members : 3;
  unsigned tailing_members : 3;
  unsigned learners : 3
};

/* The shard's key in etcd. Each change raises the epoch, so comparing the epoch compares the key's mod_revision. */
unsigned etcd_epoch : 3;
unsigned etcd_primary : 2;
Roles etcd;

mtype = { FOLLOWING, LEADING, SERVING };

typedef Node {
  /* On disk. */
  unsigned promised_epoch : 3;
  unsigned promised_to : 2;
  unsigned length : 3;
  byte log[ROWS];
  bool whole; /* false between a reset and the end of the copy */
  /* In memory: a crash loses it. Who neither leads nor tries to needs no opinion of the configuration. */
  bool up;
  mtype phase;
  unsigned seen : 3;    /* epoch of the configuration that it leads in, or that its swap expects */
  Roles now;            /* roles in it */
  unsigned raised : 3;  /* a swap is under way, for this epoch; 0: none */
  Roles next;           /* and for these roles */
  unsigned in_step : 3; /* members that have followed it in this epoch, whose logs have met its own */
  byte known[NODES];    /* of how many rows the primary knows that the member has them */
  unsigned committed : 3; /* how many rows it knows to be on all members that count */
  unsigned inherited : 3; /* how many were in its log when it began to lead */
  unsigned claimed : 2; /* claims that this life put into the log itself, not yet committed */
  unsigned to_post : 2  /* claims it may send: committed, and made by this life */
};
Node node[NODES];

bool calm; /* no faults from here on; whoever is down stays down, and at least two of three are up */
unsigned crashes : 2 = CRASHES;
unsigned suspicions : 2 = SUSPICIONS;
unsigned late_messages : 2 = LATE_MESSAGES;
unsigned lost_answers : 2 = LOST_ANSWERS;

mtype = { NOTHING, LEAD, ROW };
typedef Message {
  mtype kind;
  unsigned to : 2;
  unsigned epoch : 3;
  unsigned from : 2;
  unsigned seq : 3;
  byte row;
  byte before
};
Message late_message;

typedef Swap {
  unsigned epoch : 3; /* of the new configuration; 0: none under way */
  unsigned expected : 3;
  unsigned primary : 2;
  Roles roles
};
Swap late_swap;

/* What the world saw; no node reads it. */
byte posts[NOTIFICATIONS];
byte shown_length; /* rows that some primary has treated as committed, and which */
byte shown[ROWS];

/* --- what must hold ----------------------------------------------------------------------------------------------- */

bool never_posted_twice = true;
bool nothing_shown_is_lost = true;
bool nothing_shown_changes = true;
bool nothing_shown_is_erased = true;
bool one_primary_per_epoch = true;
bool full_members_are_whole = true;
bool full_members_have_all = true;
bool promises_grow = true;
bool shard_is_served = true;

byte i, k, m, asked; /* scratch of single steps, 0 between them */
Roles roles;

/* --- what nodes say to each other --------------------------------------------------------------------------------- */

#define counting(r) (r.full_members | r.tailing_members)
#define members_of(r) (r.full_members | r.tailing_members | r.learners)
#define up_nodes (node[0].up | (node[1].up << 1) | (node[2].up << 2))
#define leads(n) (node[n].phase != FOLLOWING)
#define member(n, m) in(m, members_of(node[n].now))

/* A promise (e, c) is final: who promised e follows c alone in e, and nobody below. A primary that is refused for it
 * asks for an epoch of its own above. */
#define promised(m, e, c) (node[m].promised_epoch == (e) && node[m].promised_to == (c))
#define would_follow(m, e, c) (node[m].promised_epoch < (e) || promised(m, e, c))

/* A row is taken under the promised (epoch, primary) only. */
#ifdef MUTANT_EPOCH_IGNORED
#define takes_rows(m, e, c) true
#else
#ifdef MUTANT_PROMISE_FORGOTTEN
#define takes_rows(m, e, c) (node[m].promised_epoch == 0 || promised(m, e, c))
#else
#define takes_rows(m, e, c) promised(m, e, c)
#endif
#endif

#define clear(r)                                                                                                       \
  r.full_members = 0;                                                                                                  \
  r.tailing_members = 0;                                                                                               \
  r.learners = 0
#define copy_roles(from, to)                                                                                           \
  to.full_members = from.full_members;                                                                                 \
  to.tailing_members = from.tailing_members;                                                                           \
  to.learners = from.learners
inline forget_members(n)
{
  node[n].in_step = 0;
  node[n].known[0] = 0;
  node[n].known[1] = 0;
  node[n].known[2] = 0
}
inline forget_role(n)
{
  node[n].phase = FOLLOWING;
  node[n].seen = 0;
  clear(node[n].now);
  node[n].raised = 0;
  clear(node[n].next);
  forget_members(n);
  node[n].committed = 0;
  node[n].inherited = 0;
  node[n].claimed = 0
}

/* Whoever promises another stops leading, and trying to. What it may already send it still sends. */
inline give_promise(who, the_epoch, candidate)
{
  promises_grow = node[who].promised_epoch < (the_epoch);
  assert(promises_grow);
  if
  :: who != candidate -> forget_role(who)
  :: else
  fi;
  node[who].promised_epoch = the_epoch;
  node[who].promised_to = candidate
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

#if NOTIFICATIONS == 1
#define has(n, what) (what_of(node[n].log[0]) == (what) || what_of(node[n].log[1]) == (what))
#else
#define has(n, what)                                                                                                   \
  (what_of(node[n].log[0]) == (what) || what_of(node[n].log[1]) == (what) || what_of(node[n].log[2]) == (what) ||      \
   what_of(node[n].log[3]) == (what))
#endif

/* The primary treats its next row as committed: a reader sees it, an event is answered, a claim may be sent. */
inline show_next(n)
{
  printf("row %d of %d is committed\n", node[n].committed + 1, n);
  k = node[n].committed;
  nothing_shown_changes = k > shown_length || k == shown_length || shown[k] == node[n].log[k];
  assert(nothing_shown_changes);
  if
  :: k == shown_length ->
    shown[k] = node[n].log[k];
    shown_length++
  :: else
  fi;
  i = (what_of(node[n].log[k]) - 1) / 2;
  if
  :: what_of(node[n].log[k]) == event(i) /* 202 */
  :: else ->
    /* A claim of an earlier life, or of another primary, is `unknown`: it is shown, never sent. */
    if
#ifdef MUTANT_CLAIM_INHERITED
    :: true -> node[n].to_post = node[n].to_post | only(i)
#else
    :: in(i, node[n].claimed) ->
      node[n].claimed = node[n].claimed & ~only(i);
      node[n].to_post = node[n].to_post | only(i)
    :: else
#endif
    fi
  fi;
  node[n].committed++;
  k = 0;
  i = 0
}

/* --- changing the configuration ----------------------------------------------------------------------------------- */

#define may_raise(e) ((e) <= FAULT_EPOCHS || (calm && (e) <= EPOCHS))
#define greater(a, b) ((a) > (b) -> (a) : (b))
#define epoch_above(n, e) (greater(node[n].promised_epoch, e) + 1)

/* Asks for `roles` under the epoch `asked`, with itself as primary: it promises itself that epoch, then swaps until the
 * key is another than it was. A primary goes on meanwhile. */
inline reconfigure(n)
{
  give_promise(n, asked, n);
  node[n].raised = asked;
  copy_roles(roles, node[n].next);
  clear(roles);
  asked = 0
}

/* Nodes that live and don't count yet take the places that are missing, as tailing members. */
inline with_spares(avoided)
{
  m = 0;
  do
  :: m < NODES ->
    if
    :: size(counting(roles)) < MIN_REPLICAS && in(m, roles.learners) && in(m, up_nodes & ~(avoided)) ->
      roles.learners = roles.learners & ~only(m);
      roles.tailing_members = roles.tailing_members | only(m)
    :: else
    fi;
    m++
  :: else -> break
  od;
  m = 0;
  do
  :: m < NODES ->
    if
    :: size(counting(roles)) < MIN_REPLICAS && !in(m, members_of(roles)) && in(m, up_nodes & ~(avoided)) ->
      roles.tailing_members = roles.tailing_members | only(m)
    :: else
    fi;
    m++
  :: else -> break
  od;
  m = 0
}

/* A full member takes over from a primary that is down, or that it believes to be; not if too few would count. */
#ifdef MUTANT_SHRINKS_BELOW_MINIMUM
#define enough(set) true
#else
#define enough(set) (size(set) >= MIN_REPLICAS)
#endif
#define may_take_over(n, suspected)                                                                                    \
  (node[n].phase == FOLLOWING && node[n].raised == 0 && etcd_primary != n && in(n, etcd.full_members) &&               \
   node[n].whole && may_raise(epoch_above(n, etcd_epoch)) &&                                                           \
   enough((counting(etcd) | up_nodes) & ~only(etcd_primary)) && (suspected || !node[etcd_primary].up))
inline take_over(n)
{
  asked = epoch_above(n, etcd_epoch);
  printf("%d tries to take over with epoch %d\n", n, asked);
  node[n].seen = etcd_epoch;
  roles.full_members = etcd.full_members & ~only(etcd_primary);
  roles.tailing_members = etcd.tailing_members;
  roles.learners = etcd.learners;
  with_spares(only(etcd_primary));
  reconfigure(n)
}

/* The configuration names it and it doesn't lead: it restarted. Only a new epoch is free of what it said in that one. */
#ifdef MUTANT_NEVER_RENEWED
#define may_renew(n) false
#else
#define may_renew(n)                                                                                                   \
  (node[n].phase == FOLLOWING && node[n].raised == 0 && etcd_primary == n && may_raise(epoch_above(n, etcd_epoch)))
#endif
inline renew(n)
{
  asked = epoch_above(n, etcd_epoch);
  printf("%d, named primary, asks for epoch %d\n", n, asked);
  node[n].seen = etcd_epoch;
  copy_roles(etcd, roles);
  reconfigure(n)
}

/* A primary whose member has promised itself to somebody else in this epoch or a later one. */
#define may_change(n) (leads(n) && node[n].raised == 0 && (!calm || node[n].seen == etcd_epoch))
#define epoch_after_refusal(n, m) epoch_above(n, greater(node[n].seen, node[m].promised_epoch))
#ifdef MUTANT_REFUSAL_IGNORED
#define is_refused(n, m) false
#else
#define is_refused(n, m)                                                                                               \
  (may_change(n) && n != m && member(n, m) && node[m].up && node[m].promised_epoch >= node[n].seen &&                  \
   !promised(m, node[n].seen, n) && may_raise(epoch_after_refusal(n, m)))
#endif
inline renew_refused(n, m)
{
  asked = epoch_after_refusal(n, m);
  printf("%d is refused by %d and asks for epoch %d\n", n, m, asked);
  copy_roles(node[n].now, roles);
  reconfigure(n)
}

/* The primary replaces members that are down, or that it believes to be; it never goes below the minimum. */
#define dead(n, suspected) (7 & ~((up_nodes & ~(suspected)) | only(n)))
#define may_replace(n, suspected)                                                                                      \
  (may_change(n) && may_raise(epoch_above(n, node[n].seen)) &&                                                         \
   ((members_of(node[n].now) & dead(n, suspected)) != 0 || size(counting(node[n].now)) < MIN_REPLICAS) &&              \
   enough((counting(node[n].now) & ~dead(n, suspected)) | (up_nodes & ~(suspected))))
inline replace(n, suspected)
{
  asked = epoch_above(n, node[n].seen);
  printf("%d replaces silent members and asks for epoch %d\n", n, asked);
  roles.full_members = node[n].now.full_members & ~dead(n, suspected);
  roles.tailing_members = node[n].now.tailing_members & ~dead(n, suspected);
  roles.learners = node[n].now.learners & ~dead(n, suspected);
  with_spares(suspected);
  reconfigure(n)
}

/* A member whose copy is whole, and which has all that may have been committed, becomes full: what this primary has
 * committed, and the log that it began with, of which it doesn't know how much the primary before had shown. */
#ifdef MUTANT_PROMOTED_TOO_EARLY
#define may_be_shown(n) node[n].committed
#else
#define may_be_shown(n) greater(node[n].committed, node[n].inherited)
#endif
#ifdef MUTANT_LEARNER_NOT_LEVEL
#define is_level(n, m) true
#else
#define is_level(n, m) (node[n].known[m] >= may_be_shown(n))
#endif
#define may_promote(n, m)                                                                                              \
  (may_change(n) && in(m, node[n].now.tailing_members | node[n].now.learners) && in(m, node[n].in_step) &&             \
   node[m].whole && is_level(n, m) && may_raise(epoch_above(n, node[n].seen)))
inline promote(n, m)
{
  asked = epoch_above(n, node[n].seen);
  printf("%d makes %d a full member and asks for epoch %d\n", n, m, asked);
  roles.full_members = node[n].now.full_members | only(m);
  roles.tailing_members = node[n].now.tailing_members & ~only(m);
  roles.learners = node[n].now.learners & ~only(m);
  reconfigure(n)
}

/* The controller wants one more replica. */
#define may_add_learner(n, m)                                                                                          \
  (may_change(n) && !member(n, m) && node[m].up && size(members_of(node[n].now)) < wanted &&                           \
   may_raise(epoch_above(n, node[n].seen)))
inline add_learner(n, m)
{
  asked = epoch_above(n, node[n].seen);
  printf("%d adds learner %d and asks for epoch %d\n", n, m, asked);
  copy_roles(node[n].now, roles);
  roles.learners = roles.learners | only(m);
  reconfigure(n)
}

#define apply_swap(the_expected, the_epoch, the_primary, the_roles)                                                    \
  if                                                                                                                   \
  :: etcd_epoch == (the_expected) ->                                                                                   \
    etcd_epoch = the_epoch;                                                                                            \
    etcd_primary = the_primary;                                                                                        \
    copy_roles(the_roles, etcd)                                                                                        \
  :: else                                                                                                              \
  fi
#define may_swap(n) (node[n].raised != 0 && etcd_epoch == node[n].seen)
inline swap(n)
{
  printf("%d swaps: epoch %d, full %d, tailing %d, learners %d\n", n, node[n].raised, node[n].next.full_members,
         node[n].next.tailing_members, node[n].next.learners);
  apply_swap(node[n].seen, node[n].raised, n, node[n].next)
}

inline become_leader(n)
{
  if
  :: !leads(n) -> node[n].inherited = node[n].length
  :: else
  fi;
  node[n].seen = node[n].raised;
  node[n].raised = 0;
  clear(node[n].next);
  forget_members(n);
  if
  :: node[n].phase == SERVING && size(counting(node[n].now)) >= MIN_REPLICAS
  :: else -> node[n].phase = LEADING
  fi
}

/* A request that times out may have been applied, or may be applied yet. */
#define may_swap_unanswered(n) (may_swap(n) && !calm && lost_answers > 0 && late_swap.epoch == 0)
inline swap_unanswered(n)
{
  printf("%d swaps and gets no answer: epoch %d, full %d, tailing %d, learners %d\n", n, node[n].raised,
         node[n].next.full_members, node[n].next.tailing_members, node[n].next.learners);
  lost_answers--;
  late_swap.epoch = node[n].raised;
  late_swap.expected = node[n].seen;
  late_swap.primary = n;
  copy_roles(node[n].next, late_swap.roles);
#ifdef MUTANT_ANSWER_GUESSED
  copy_roles(node[n].next, node[n].now);
  become_leader(n)
#endif
}

/* Whatever the swap's answer was, the key decides. Who leads hears of a newer one in the same way. */
#define may_read(n) ((leads(n) || node[n].raised != 0) && etcd_epoch > node[n].seen)
inline read_configuration(n)
{
  printf("%d reads: epoch %d, primary %d, full %d, tailing %d, learners %d\n", n, etcd_epoch, etcd_primary,
         etcd.full_members, etcd.tailing_members, etcd.learners);
  if
  :: etcd_primary == n && node[n].raised == etcd_epoch && promised(n, etcd_epoch, n) ->
    copy_roles(etcd, node[n].now);
    become_leader(n)
  :: else -> forget_role(n)
  fi
}

/* --- leading ------------------------------------------------------------------------------------------------------ */

#define needs_to_lead(n, m) (leads(n) && n != m && member(n, m) && !in(m, node[n].in_step))
#define may_lead(n, m) (needs_to_lead(n, m) && node[m].up && would_follow(m, node[n].seen, n))

/* Forgets its log, takes the primary's: rows that the primary keeps no more can't be shipped. Its tables follow. */
inline reset_member(n, m)
{
  printf("%d is reset to the log of %d\n", m, n);
  full_members_are_whole = etcd_epoch > node[n].seen || !in(m, etcd.full_members);
  assert(full_members_are_whole);
  k = 0;
  do
  :: k < ROWS ->
    node[m].log[k] = node[n].log[k];
    k++
  :: else -> break
  od;
  k = 0;
  node[m].length = node[n].length;
  node[m].whole = false;
  node[n].known[m] = node[n].length
}

inline promise_primary(m, the_epoch, primary)
{
  if
  :: node[m].promised_epoch < (the_epoch) -> give_promise(m, the_epoch, primary)
  :: else
  fi
}

/* The member promises, and says where it stands; the primary ships from where the logs part. What the member has more
 * than that was never shown, and gives way once a row takes its place. */
inline lead(n, m)
{
  printf("%d follows %d in epoch %d\n", m, n, node[n].seen);
  promise_primary(m, node[n].seen, n);
  node[n].in_step = node[n].in_step | only(m);
  if
  :: node[m].whole ->
    k = 0;
    do
    :: k < node[n].length && k < node[m].length && node[n].log[k] == node[m].log[k] -> k++
    :: else -> break
    od;
    node[n].known[m] = k;
    full_members_have_all = k >= node[n].committed || !in(m, node[n].now.full_members);
    assert(full_members_have_all);
    k = 0
  :: else -> reset_member(n, m)
  fi
}

#define may_reset(n, m)                                                                                                \
  (leads(n) && in(m, node[n].in_step) && node[m].up && node[m].whole && promised(m, node[n].seen, n) &&                \
   node[n].known[m] < node[n].committed && in(m, node[n].now.learners | node[n].now.tailing_members))
#define may_complete(n, m)                                                                                             \
  (leads(n) && in(m, node[n].in_step) && node[m].up && !node[m].whole && promised(m, node[n].seen, n))

#define may_ship(n, m)                                                                                                 \
  (leads(n) && in(m, node[n].in_step) && node[m].up && node[n].known[m] < node[n].length &&                            \
   takes_rows(m, node[n].seen, n) && node[m].length >= node[n].known[m])

inline take_row(m, the_seq, the_row)
{
  if
  :: node[m].length > (the_seq) && node[m].log[the_seq] == (the_row)
  :: else ->
    k = the_seq;
    do
    :: k < node[m].length ->
      nothing_shown_is_erased = k >= shown_length || node[m].log[k] != shown[k];
      assert(nothing_shown_is_erased);
      node[m].log[k] = 0;
      k++
    :: else -> break
    od;
    node[m].log[the_seq] = the_row;
    node[m].length = (the_seq) + 1;
    k = 0
  fi
}
inline ship(n, m)
{
  printf("%d ships row %d to %d in epoch %d\n", n, node[n].known[m] + 1, m, node[n].seen);
  take_row(m, node[n].known[m], node[n].log[node[n].known[m]])
}
inline acknowledgement_lost()
{
  printf("and the acknowledgement is lost\n")
}

/* Who must have a row before it counts: full and tailing members, while a swap is under way those that it asks for,
 * too. A node that is no member yet doesn't count before it is one. */
#ifdef MUTANT_NEXT_NOT_COUNTED
#define needed(n) (counting(node[n].now) & ~only(n))
#else
#define needed(n) ((counting(node[n].now) | counting(node[n].next)) & members_of(node[n].now) & ~only(n))
#endif
#define has_rows(n, m, count) (!in(m, needed(n)) || (in(m, node[n].in_step) && node[n].known[m] >= (count)))
#define all_have(n, count) (has_rows(n, 0, count) && has_rows(n, 1, count) && has_rows(n, 2, count))

#define may_serve(n)                                                                                                   \
  (node[n].phase == LEADING && size(counting(node[n].now)) >= MIN_REPLICAS && all_have(n, node[n].length))
inline serve(n)
{
  printf("%d serves in epoch %d\n", n, node[n].seen);
  one_primary_per_epoch = etcd_epoch > node[n].seen || (etcd_epoch == node[n].seen && etcd_primary == n);
  assert(one_primary_per_epoch);
  full_members_are_whole = node[n].whole;
  assert(full_members_are_whole);
  /* One that was overtaken while it started serves old reads until it hears of it, and can commit nothing. */
  nothing_shown_is_lost = node[n].length >= shown_length || etcd_epoch > node[n].seen;
  assert(nothing_shown_is_lost);
  node[n].phase = SERVING;
  do
  :: node[n].committed < node[n].length -> show_next(n)
  :: else -> break
  od;
  k = 0
}

/* --- serving ------------------------------------------------------------------------------------------------------ */

#define may_append(n, what)                                                                                            \
  (node[n].phase == SERVING && node[n].length < ROWS && !has(n, what) && !(calm && node[n].seen != etcd_epoch))
inline append(n, what)
{
  node[n].log[node[n].length] = row_of(node[n].seen, what);
  node[n].length++
}
inline append_event(n, q)
{
  printf("%d appends event %d in epoch %d\n", n, q, node[n].seen);
  append(n, event(q))
}
inline append_claim(n, q)
{
  printf("%d appends claim %d in epoch %d\n", n, q, node[n].seen);
  append(n, claim(q));
#ifdef MUTANT_CLAIM_NOT_SHIPPED
  node[n].to_post = node[n].to_post | only(q)
#else
  node[n].claimed = node[n].claimed | only(q)
#endif
}

/* Whatever became of its role since: a claim that was committed is this node's to send, unless it crashes. */
inline post(n, q)
{
  printf("%d POSTs notification %d\n", n, q);
  node[n].to_post = node[n].to_post & ~only(q);
  posts[q]++;
  never_posted_twice = posts[q] == 1;
  assert(never_posted_twice)
}

#ifdef MUTANT_ACKNOWLEDGED_EARLY
#define is_committed(n, seq) (all_have(n, (seq) + 1) || what_of(node[n].log[seq]) == event(0))
#else
#define is_committed(n, seq) all_have(n, (seq) + 1)
#endif
#define may_commit(n)                                                                                                  \
  (node[n].phase == SERVING && node[n].committed < node[n].length && is_committed(n, node[n].committed))

/* --- processes ---------------------------------------------------------------------------------------------------- */

inline send_late(the_kind, n, m)
{
  printf("%d sends %d a message that will be late: %e\n", n, m, the_kind);
  late_messages--;
  late_message.kind = the_kind;
  late_message.to = m;
  late_message.epoch = node[n].seen;
  late_message.from = n;
  if
  :: the_kind == ROW ->
    late_message.seq = node[n].known[m];
    late_message.row = node[n].log[node[n].known[m]];
    if
    :: node[n].known[m] > 0 -> late_message.before = node[n].log[node[n].known[m] - 1]
    :: else
    fi
  :: else
  fi
}
#define may_be_late (!calm && late_messages > 0 && late_message.kind == NOTHING)

/* A step says what it is: that is how a counterexample reads. */
#define when(condition) d_step { node[n].up && (condition) ->

/* clang-format off */
/* What node n does about node m. */
#define with(m)                                                                                                        \
  :: when(is_refused(n, m)) renew_refused(n, m) }                                                                      \
  :: when(may_promote(n, m)) promote(n, m) }                                                                           \
  :: when(may_add_learner(n, m)) add_learner(n, m) }                                                                   \
  :: when(n != m && member(n, m) && !calm && suspicions > 0 && node[m].up && may_replace(n, only(m)))                  \
       printf("%d suspects %d, which lives\n", n, m); suspicions--; replace(n, only(m)) }                              \
  :: when(may_lead(n, m)) lead(n, m) }                                                                                 \
  :: when(may_lead(n, m) && !calm && node[m].promised_epoch < node[n].seen)                                            \
       printf("%d promises epoch %d, and its answer is lost\n", m, node[n].seen); give_promise(m, node[n].seen, n) }   \
  :: when(may_ship(n, m)) ship(n, m); node[n].known[m]++ }                                                             \
  :: when(may_ship(n, m) && !calm && node[m].length == node[n].known[m]) ship(n, m); acknowledgement_lost() }          \
  :: when(may_reset(n, m)) reset_member(n, m) }                                                                        \
  :: when(may_complete(n, m)) printf("the copy of %d is whole\n", m); node[m].whole = true }                           \
  :: when(may_be_late && may_lead(n, m)) send_late(LEAD, n, m) }                                                       \
  :: when(may_be_late && may_ship(n, m)) send_late(ROW, n, m) }

/* What node n does about notification q. */
#define about(q)                                                                                                       \
  :: when(may_append(n, event(q))) append_event(n, q) }                                                                \
  :: when(has(n, event(q)) && may_append(n, claim(q))) append_claim(n, q) }                                            \
  :: when(in(q, node[n].to_post)) post(n, q) }

proctype replica(byte n)
{
end:
  do
  :: when(may_take_over(n, false)) take_over(n) }
  :: when(!calm && suspicions > 0 && node[etcd_primary].up && may_take_over(n, true))
       printf("%d suspects the primary, which lives\n", n); suspicions--; take_over(n) }
  :: when(may_renew(n)) renew(n) }
  :: when(may_replace(n, 0)) replace(n, 0) }
  :: when(may_swap(n)) swap(n) }
  :: when(may_swap_unanswered(n)) swap_unanswered(n) }
  :: when(may_read(n)) read_configuration(n) }
  :: when(may_serve(n)) serve(n) }
  :: when(may_commit(n)) show_next(n) }
  with(0)
  with(1)
  with(2)
  about(0)
#if NOTIFICATIONS > 1
  about(1)
#endif
  od
}

inline forget_message()
{
  late_message.kind = NOTHING;
  late_message.to = 0;
  late_message.epoch = 0;
  late_message.from = 0;
  late_message.seq = 0;
  late_message.row = 0;
  late_message.before = 0;
  m = 0
}
#define log_meets(m)                                                                                                   \
  (late_message.seq == 0 ||                                                                                            \
   (node[m].length >= late_message.seq && node[m].log[late_message.seq - 1] == late_message.before))

proctype network()
{
end:
  do
  :: d_step { late_message.kind == LEAD -> printf("a late message of a primary arrives\n"); m = late_message.to;
       if
       :: node[m].up && node[m].promised_epoch < late_message.epoch ->
         give_promise(m, late_message.epoch, late_message.from)
       :: else
       fi;
       forget_message() }
  :: d_step { late_message.kind == ROW -> printf("a late row arrives\n"); m = late_message.to;
       if
       :: node[m].up && takes_rows(m, late_message.epoch, late_message.from) && log_meets(m) ->
         take_row(m, late_message.seq, late_message.row)
       :: else
       fi;
       forget_message() }
  :: d_step { late_swap.epoch != 0 -> printf("the swap without an answer arrives\n");
       apply_swap(late_swap.expected, late_swap.epoch, late_swap.primary, late_swap.roles);
       late_swap.epoch = 0; late_swap.expected = 0; late_swap.primary = 0; clear(late_swap.roles) }
  od
}

#define can_crash(n) (!calm && crashes > 0 && node[n].up)
inline crash(n)
{
  crashes--;
  node[n].up = false;
  forget_role(n);
  node[n].to_post = 0;
#ifdef MUTANT_PROMISE_FORGOTTEN
  node[n].promised_epoch = 0;
  node[n].promised_to = 0
#endif
}

proctype faults()
{
  do
  :: d_step { can_crash(0) -> printf("node 0 crashes\n"); crash(0) }
  :: d_step { can_crash(1) -> printf("node 1 crashes\n"); crash(1) }
  :: d_step { can_crash(2) -> printf("node 2 crashes\n"); crash(2) }
  :: d_step { !calm && !node[0].up -> printf("node 0 starts\n"); node[0].up = true }
  :: d_step { !calm && !node[1].up -> printf("node 1 starts\n"); node[1].up = true }
  :: d_step { !calm && !node[2].up -> printf("node 2 starts\n"); node[2].up = true }
  :: d_step { !calm && size(up_nodes) >= 2 -> printf("no more faults\n"); calm = true }; break
  od
}

#define serves(n) (node[n].up && node[n].phase == SERVING && etcd_primary == n && etcd_epoch == node[n].seen)
/* While a tailing member is filled from the one full member, that one must not stay away. */
#define waits_for_full_member ((etcd.full_members & up_nodes) == 0 && etcd.tailing_members != 0)

init
{
  d_step {
    etcd_epoch = 1;
    etcd_primary = 0;
    etcd.full_members = FIRST_MEMBERS;
    etcd.learners = FIRST_LEARNERS;
    do
    :: m < NODES ->
      node[m].up = true;
      node[m].phase = FOLLOWING;
      node[m].whole = true;
      node[m].promised_epoch = 1;
      m++
    :: else -> break
    od;
    m = 0;
    node[0].phase = SERVING;
    node[0].seen = 1;
    node[0].now.full_members = FIRST_MEMBERS;
    node[0].now.learners = FIRST_LEARNERS;
    node[0].in_step = (FIRST_MEMBERS | FIRST_LEARNERS) & ~1;
    late_message.kind = NOTHING
  }
  atomic {
    run replica(0);
    run replica(1);
    run replica(2);
    run network();
    run faults()
  }
  timeout;
  d_step {
    shard_is_served = ((serves(0) || serves(1) || serves(2)) && shown_length == ROWS) || waits_for_full_member;
    assert(shard_is_served)
  }
}
