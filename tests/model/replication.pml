/*
 * The replication of one shard: configuration in etcd by compare-and-swap, data by shipping log rows from a primary to
 * the members, takeover by promise and swap. docs/decisions/2026-11-25-replication-model.md says what is left out and
 * why; tests/model/CMakeLists.txt says within which bounds it is checked.
 *
 * How to read it. A step is one `:: when(...)` of process `replica`: its guard says when a node may take it, the rest is
 * done at once. A step that is never taken is a lost message, one taken late is a slow node. A *paused* node is one
 * whose steps wait while others' go on, so it needs no code: what a node holds in memory (a belief to be primary, who
 * answered, which claims it may send) may be arbitrarily old. What a step reads of another node is what that node's
 * answer said at that moment; `late_message` and `late_swap` hold what arrives after its sender has forgotten it.
 *
 * Every execution is finite, because each fault has a budget and each other step brings something forward. So whether a
 * shard can be wedged is a question about last states: process `last_state` runs when nothing else can.
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
#define FIRST_MEMBERS 7 /* bit n: node n is a member of the first configuration. 7: all; 3: node 2 is spare */
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
#define FAULT_EPOCHS 3 /* while there are faults the epoch stays below this, or equal */
#endif
#define EPOCHS 7 /* enough to settle after them */

/* --- sets of nodes, rows ------------------------------------------------------------------------------------------ */

#define only(n) (1 << (n))
#define in(n, set) (((set) >> (n)) & 1)
#define size(set) (in(0, set) + in(1, set) + in(2, set))
#define wanted size(FIRST_MEMBERS) /* cluster.replicas */

/* A row is (epoch, what it holds); its seq is its place in the log. Events and claims are numbered by notification. */
#define event(i) (2 * (i) + 1)
#define claim(i) (2 * (i) + 2)
#define row_of(epoch, what) ((epoch) * 8 + (what))
#define what_of(row) ((row) & 7)

/* --- state -------------------------------------------------------------------------------------------------------- */

/* The shard's key in etcd. Each change raises the epoch, so comparing the epoch compares the key's mod_revision. */
typedef Configuration {
  unsigned epoch : 3;
  unsigned primary : 2;
  unsigned members : 3
};
Configuration etcd;

mtype = { MEMBER, CANDIDATE, ASKED, STARTING, SERVING };

typedef Node {
  /* On disk. */
  unsigned promised_epoch : 3;
  unsigned promised_to : 2;
  unsigned length : 3;
  byte log[ROWS];
  /* In memory: a crash loses it. */
  bool up;
  mtype phase;
  unsigned members : 3;      /* of the configuration it read: a candidate's old one, a primary's own */
  unsigned heard : 3;        /* who has promised (candidate), who has been collected (starting) */
  byte known[NODES]; /* of how many rows the primary knows that the member has them */
  unsigned committed : 3;    /* how many rows the primary knows to be on all members */
  unsigned claimed : 2;      /* claims that this life put into the log itself, not yet committed */
  unsigned to_post : 2       /* claims it may send: committed, and made by this life */
};
Node node[NODES];

bool calm; /* no faults from here on; whoever is down stays down, and at least two of three are up */
unsigned crashes : 2 = CRASHES;
unsigned suspicions : 2 = SUSPICIONS;
unsigned late_messages : 2 = LATE_MESSAGES;
unsigned lost_answers : 2 = LOST_ANSWERS;

mtype = { NOTHING, PROPOSAL, ROW, SNAPSHOT };
typedef Message {
  mtype kind;
  unsigned to : 2;
  unsigned epoch : 3;
  unsigned from : 2;
  unsigned length : 3; /* rows before this one; of a snapshot: rows in it */
  byte log[ROWS]
};
Message late_message;

typedef Swap {
  unsigned epoch : 3; /* of the new configuration; 0: none under way */
  unsigned primary : 2;
  unsigned members : 3
};
Swap late_swap;

/* What the world saw; no node reads it. */
byte posts[NOTIFICATIONS];
byte shown_length;            /* rows that some primary has treated as committed, and which */
byte shown[ROWS];

/* --- what must hold ----------------------------------------------------------------------------------------------- */

bool never_posted_twice = true;
bool nothing_shown_is_lost = true;
bool nothing_shown_changes = true;
bool one_primary_per_epoch = true;
bool epochs_grow = true;
bool promises_grow = true;
bool members_tail_matches = true;
bool shard_is_served = true;

byte i, k, m, chosen; /* scratch of single steps, 0 between them */

/* --- what nodes say to each other --------------------------------------------------------------------------------- */

#define epoch_of(n) node[n].promised_epoch
#define acts(n) (node[n].phase == STARTING || node[n].phase == SERVING)

#ifdef MUTANT_PROMISE_WITHOUT_NAME
#define same(epoch1, name1, epoch2, name2) ((epoch1) == (epoch2))
#else
#define same(epoch1, name1, epoch2, name2) ((epoch1) == (epoch2) && (name1) == (name2))
#endif

/* A promise (e, c) binds against every epoch below e. Within e the configuration is the judge: while nobody has won e,
 * another candidate may have the promise as well; once it is won, only the winner. Without this, a candidate that dies
 * between promise and swap blocks the members that promised for ever. The member reads etcd for it (linearizably), only
 * when names differ. */
#ifdef MUTANT_PROMISE_IS_FINAL
#define settled_for(e, c) false
#else
#define settled_for(e, c) (etcd.epoch < (e) || (etcd.epoch == (e) && etcd.primary == (c)))
#endif
#define would_promise(m, e, c)                                                                                         \
  (node[m].promised_epoch < (e) ||                                                                                     \
   (node[m].promised_epoch == (e) && (node[m].promised_to == (c) || settled_for(e, c))))

/* A row is taken under the promised (epoch, primary) only. Rows are the same when epoch and seq are. */
#ifdef MUTANT_EPOCH_IGNORED
#define takes_rows(m, e, c) true
#define same_row(row1, row2) true
#else
#ifdef MUTANT_PROMISE_FORGOTTEN
#define takes_rows(m, e, c)                                                                                            \
  (node[m].promised_epoch == 0 || same(node[m].promised_epoch, node[m].promised_to, e, c))
#else
#define takes_rows(m, e, c) same(node[m].promised_epoch, node[m].promised_to, e, c)
#endif
#endif

inline forget_role(n)
{
  node[n].phase = MEMBER;
  node[n].members = 0;
  node[n].heard = 0;
  node[n].known[0] = 0;
  node[n].known[1] = 0;
  node[n].known[2] = 0;
  node[n].committed = 0;
  node[n].claimed = 0
}

#ifndef same_row
#define same_row(row1, row2) ((row1) == (row2))
#endif

/* Whoever promises another stops being primary or candidate. What it may already send it still sends. */
inline give_promise(who, the_epoch, candidate)
{
  promises_grow = node[who].promised_epoch <= (the_epoch);
  assert(promises_grow);
  if
  :: who != candidate && node[who].phase != MEMBER -> forget_role(who)
  :: else
  fi;
  node[who].promised_epoch = the_epoch;
  node[who].promised_to = candidate
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

inline copy_log(from, to)
{
  k = 0;
  do
  :: k < ROWS ->
    to.log[k] = from.log[k];
    k++
  :: else -> break
  od;
  to.length = from.length;
  k = 0
}

#if NOTIFICATIONS == 1
#define same_log(n, m) (node[n].log[0] == node[m].log[0] && node[n].log[1] == node[m].log[1])
#define has(n, what) (what_of(node[n].log[0]) == (what) || what_of(node[n].log[1]) == (what))
#else
#define same_log(n, m)                                                                                                 \
  (node[n].log[0] == node[m].log[0] && node[n].log[1] == node[m].log[1] && node[n].log[2] == node[m].log[2] &&         \
   node[n].log[3] == node[m].log[3])
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
    :: in(i, node[n].claimed) ->
      node[n].claimed = node[n].claimed & ~only(i);
      node[n].to_post = node[n].to_post | only(i)
    :: else
    fi
  fi;
  node[n].committed++;
  k = 0;
  i = 0
}

/* --- taking office ------------------------------------------------------------------------------------------------ */

/* Another candidate has this node's promise and is still at it: give it its time. */
#define waits_for_candidate(n)                                                                                         \
  (node[n].promised_epoch > etcd.epoch && node[n].promised_to != n && node[node[n].promised_to].up &&                  \
   (node[node[n].promised_to].phase == CANDIDATE || node[node[n].promised_to].phase == ASKED) &&                       \
   epoch_of(node[n].promised_to) == node[n].promised_epoch)

#define may_raise_epoch (etcd.epoch < FAULT_EPOCHS || (calm && etcd.epoch < EPOCHS))

/* A full member stands when it is named primary and doesn't act (it restarted, or its swap was applied after it gave
 * up), when the primary is down, or when it only believes so. */
#define may_stand(n)                                                                                                   \
  (node[n].phase == MEMBER && in(n, etcd.members) && may_raise_epoch && !waits_for_candidate(n) &&                     \
   (etcd.primary == n || !node[etcd.primary].up))
#define may_suspect(n)                                                                                                 \
  (node[n].phase == MEMBER && in(n, etcd.members) && may_raise_epoch && !calm && suspicions > 0 && etcd.primary != n)

/* A member that is down, or that refuses this epoch because it promised the next one to a candidate that is gone. */
#define down(n, m) (in(m, node[n].members) && !node[m].up)
#define refuses(n, m)                                                                                                  \
  (in(m, node[n].members) && node[m].up && node[m].promised_epoch > epoch_of(n) && !waits_for_candidate(m))
#define any_down(n) (down(n, 0) || down(n, 1) || down(n, 2))
#define any(what, n) (what(n, 0) || what(n, 1) || what(n, 2))
#define ready_learner(n, m)                                                                                            \
  (!in(m, node[n].members) && node[m].up && same_log(n, m) &&                                                          \
   same(node[m].promised_epoch, node[m].promised_to, epoch_of(n), n))
#define short_of_members(n) (size(node[n].members) < wanted || any_down(n))
#define live_members(n) (node[n].members & (node[0].up | (node[1].up << 1) | (node[2].up << 2)))

/* The primary's own change: removes members that are down while enough remain, admits a learner that has caught up, or
 * only moves past a promise. It goes the same way as a takeover: from its own promise on it commits nothing more in the
 * old epoch, so whatever becomes of the swap, what the admitted learner has is all there is. */
#define may_change(n)                                                                                                  \
  (acts(n) && epoch_of(n) == etcd.epoch && may_raise_epoch &&                                                          \
   ((any_down(n) && size(live_members(n)) >= MIN_REPLICAS) || any(refuses, n) ||                                      \
    (short_of_members(n) && any(ready_learner, n))))
#define may_suspect_member(n) (acts(n) && epoch_of(n) == etcd.epoch && may_raise_epoch && !calm && suspicions > 0)

inline stand(n)
{
  printf("%d stands for epoch %d\n", n, etcd.epoch + 1);
  node[n].phase = CANDIDATE;
  node[n].members = etcd.members;
  node[n].heard = 0;
  node[n].known[0] = 0;
  node[n].known[1] = 0;
  node[n].known[2] = 0;
  node[n].committed = 0;
  give_promise(n, etcd.epoch + 1, n)
}

inline falsely_suspect(n)
{
  printf("%d suspects a node that lives\n", n);
  suspicions--;
  stand(n)
}

/* Members are asked, and nodes whose log equals the candidate's: those were learners and may become full. Logs are
 * compared when both have promised, so neither can change before the swap is decided. */
#ifdef MUTANT_LEARNER_NOT_LEVEL
#define may_be_asked(n, m) (in(m, node[n].members) || short_of_members(n))
#else
#define may_be_asked(n, m) (in(m, node[n].members) || (short_of_members(n) && same_log(n, m)))
#endif
#define may_propose(n, m)                                                                                              \
  (node[n].phase == CANDIDATE && n != m && !in(m, node[n].heard) && node[m].up && may_be_asked(n, m) &&                \
   would_promise(m, epoch_of(n), n))

inline propose(n, m)
{
  printf("%d promises epoch %d to %d\n", m, epoch_of(n), n);
  give_promise(m, epoch_of(n), n);
  node[n].heard = node[n].heard | only(m)
}

/* Those who promised become the members. Never fewer than MIN_REPLICAS: below it nothing could be accepted anyway, and
 * while a silent member stays in, either of the two can take over after the other's death. It goes in the same swap in
 * which its replacement comes. */
inline choose_members(n)
{
  chosen = node[n].heard | only(n);
#ifndef MUTANT_SHRINKS_BELOW_MINIMUM
  if
  :: size(chosen) < MIN_REPLICAS -> chosen = node[n].members
  :: else
  fi
#endif
}

/* Without faults a candidate waits for all that it may ask. */
#define may_swap(n) (node[n].phase == CANDIDATE && (!calm || !any(may_propose, n) || etcd.epoch >= epoch_of(n)))

inline apply_swap(new_epoch, new_primary, new_members)
{
  if
  :: etcd.epoch + 1 == new_epoch ->
    epochs_grow = new_epoch > etcd.epoch;
    assert(epochs_grow);
    etcd.epoch = new_epoch;
    etcd.primary = new_primary;
    etcd.members = new_members
  :: else
  fi
}

inline swap(n)
{
  choose_members(n);
  printf("%d swaps: epoch %d, members %d\n", n, epoch_of(n), chosen);
  apply_swap(epoch_of(n), n, chosen);
  chosen = 0;
  node[n].phase = ASKED
}

/* A request that times out may have been applied, or may be applied yet. */
#define may_swap_unanswered(n)                                                                                         \
  (may_swap(n) && !calm && lost_answers > 0 && late_swap.epoch == 0 && etcd.epoch < epoch_of(n))
inline swap_unanswered(n)
{
  lost_answers--;
  choose_members(n);
  printf("%d swaps and gets no answer: epoch %d, members %d\n", n, epoch_of(n), chosen);
  late_swap.epoch = epoch_of(n);
  late_swap.primary = n;
  late_swap.members = chosen;
#ifdef MUTANT_ANSWER_GUESSED
  node[n].phase = STARTING;
  node[n].members = chosen;
  node[n].heard = 0;
#else
  node[n].phase = ASKED;
#endif
  chosen = 0
}

/* Whatever the swap's answer was, the key decides, and the members are those that stand there. */
inline read_again(n)
{
  printf("%d reads: epoch %d, primary %d, members %d\n", n, etcd.epoch, etcd.primary, etcd.members);
  if
  :: same(etcd.epoch, etcd.primary, epoch_of(n), n) ->
    node[n].phase = STARTING;
#ifdef MUTANT_MEMBERS_AS_PROPOSED
    choose_members(n);
    node[n].members = chosen;
    chosen = 0;
#else
    node[n].members = etcd.members;
#endif
    node[n].heard = 0
  :: etcd.epoch < epoch_of(n) -> node[n].phase = CANDIDATE /* and the swap is tried again */
  :: else -> forget_role(n)
  fi
}

/* Collects a member's tail; a longer log is adopted. Nothing is shipped, appended or shown before all are heard. */
#define may_collect(n, m)                                                                                              \
  (node[n].phase == STARTING && n != m && in(m, node[n].members) && !in(m, node[n].heard) && node[m].up &&             \
   would_promise(m, epoch_of(n), n))
inline collect(n, m)
{
  printf("%d collects the tail of %d: %d rows\n", n, m, node[m].length);
  give_promise(m, epoch_of(n), n);
  node[n].heard = node[n].heard | only(m);
#ifndef MUTANT_NOT_THE_LONGEST
  k = 0;
  do
  :: k < ROWS && node[n].log[k] != 0 && node[m].log[k] != 0 ->
    members_tail_matches = same_row(node[n].log[k], node[m].log[k]);
    assert(members_tail_matches);
    k++
  :: else -> break
  od;
  k = 0;
  if
  :: node[m].length > node[n].length -> copy_log(node[m], node[n])
  :: else
  fi
#endif
}
#define collected(n) ((node[n].heard | only(n)) == node[n].members)

#define may_ship(n, m)                                                                                                 \
  (acts(n) && (node[n].phase == SERVING || collected(n)) && n != m && in(m, node[n].members) && node[m].up &&          \
   node[n].known[m] < node[n].length && takes_rows(m, epoch_of(n), n))

/* A member takes the next seq only; what it has already it acknowledges again, if it is the same row. */
inline take_row(m, seq, the_row)
{
  if
  :: node[m].length == (seq) ->
    node[m].log[seq] = the_row;
    node[m].length++
  :: else ->
    members_tail_matches = node[m].length > (seq) && same_row(node[m].log[seq], the_row);
    assert(members_tail_matches)
  fi
}

inline ship(n, m)
{
  printf("%d ships row %d to %d in epoch %d\n", n, node[n].known[m] + 1, m, epoch_of(n));
  take_row(m, node[n].known[m], node[n].log[node[n].known[m]])
}
inline acknowledgement_lost()
{
  printf("and the acknowledgement is lost\n")
}

#define all_have(n, count)                                                                                             \
  ((n == 0 || !in(0, node[n].members) || node[n].known[0] >= (count)) &&                                               \
   (n == 1 || !in(1, node[n].members) || node[n].known[1] >= (count)) &&                                               \
   (n == 2 || !in(2, node[n].members) || node[n].known[2] >= (count)))

#define may_serve(n) (node[n].phase == STARTING && collected(n) && all_have(n, node[n].length))
inline serve(n)
{
  printf("%d serves in epoch %d\n", n, epoch_of(n));
  one_primary_per_epoch = etcd.epoch > epoch_of(n) || (etcd.epoch == epoch_of(n) && etcd.primary == n);
  assert(one_primary_per_epoch);
  /* One that was overtaken while it started serves old reads until it hears of it, and can commit nothing. */
  nothing_shown_is_lost = node[n].length >= shown_length || etcd.epoch > epoch_of(n);
  assert(nothing_shown_is_lost);
  node[n].phase = SERVING;
  node[n].heard = 0;
  /* All of it is on all members. */
  do
  :: node[n].committed < node[n].length -> show_next(n)
  :: else -> break
  od;
  k = 0
}

/* --- serving ------------------------------------------------------------------------------------------------------ */

#define may_append(n, what)                                                                                            \
  (node[n].phase == SERVING && node[n].length < ROWS && !has(n, what) && !(calm && epoch_of(n) != etcd.epoch))
inline append(n, what)
{
  node[n].log[node[n].length] = row_of(epoch_of(n), what);
  node[n].length++
}
inline append_event(n, q)
{
  printf("%d appends event %d in epoch %d\n", n, q, epoch_of(n));
  append(n, event(q))
}
inline append_claim(n, q)
{
  printf("%d appends claim %d in epoch %d\n", n, q, epoch_of(n));
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

/* A node outside the configuration is reset to the primary's log: that is how it rejoins. Only the primary that the
 * configuration names does it, and it may do so before it has heard its members, when one of them is down: any full
 * member has all that was ever shown. */
#define may_reset_learner(n, m)                                                                                        \
  (acts(n) && n != m && !in(m, node[n].members) && node[m].up && !ready_learner(n, m) && short_of_members(n) &&        \
   (any_down(n) || node[n].phase == SERVING) && would_promise(m, epoch_of(n), n))
inline reset_learner(n, m)
{
  printf("%d resets learner %d to its log\n", n, m);
  give_promise(m, epoch_of(n), n);
  copy_log(node[n], node[m])
}

#define learns_of_newer(n) (node[n].phase != MEMBER && etcd.epoch > epoch_of(n))

/* --- processes ---------------------------------------------------------------------------------------------------- */

inline send_late(the_kind, n, m)
{
  printf("%d sends %d a message that will be late: %e\n", n, m, the_kind);
  late_messages--;
  late_message.kind = the_kind;
  late_message.to = m;
  late_message.epoch = epoch_of(n);
  late_message.from = n;
  if
  :: the_kind == ROW ->
    late_message.length = node[n].known[m];
    late_message.log[0] = node[n].log[node[n].known[m]]
  :: the_kind == SNAPSHOT -> copy_log(node[n], late_message)
  :: else
  fi
}
#define may_be_late (!calm && late_messages > 0 && late_message.kind == NOTHING)

/* A step says what it is: that is how a counterexample reads. */
#define when(condition) d_step { node[n].up && (condition) ->

/* clang-format off */
/* What node n does about node m. */
#define with(m)                                                                                                        \
  :: when(may_propose(n, m)) propose(n, m) }                                                                           \
  :: when(may_collect(n, m)) collect(n, m) }                                                                           \
  :: when(may_ship(n, m)) ship(n, m); node[n].known[m]++ }                                                             \
  :: when(may_ship(n, m) && !calm && node[m].length == node[n].known[m]) ship(n, m); acknowledgement_lost() }          \
  :: when(may_reset_learner(n, m)) reset_learner(n, m) }                                                               \
  :: when(may_be_late && may_propose(n, m)) send_late(PROPOSAL, n, m) }                                                \
  :: when(may_be_late && may_ship(n, m)) send_late(ROW, n, m) }                                                        \
  :: when(may_be_late && may_reset_learner(n, m)) send_late(SNAPSHOT, n, m) }

/* What node n does about notification q. */
#define about(q)                                                                                                       \
  :: when(may_append(n, event(q))) append_event(n, q) }                                                                \
  :: when(has(n, event(q)) && may_append(n, claim(q))) append_claim(n, q) }                                            \
  :: when(in(q, node[n].to_post)) post(n, q) }

proctype replica(byte n)
{
end:
  do
  :: when(may_stand(n)) stand(n) }
  :: when(may_change(n)) stand(n) }
  :: when(may_suspect(n) || may_suspect_member(n)) falsely_suspect(n) }
  :: when(may_swap(n)) swap(n) }
  :: when(may_swap_unanswered(n)) swap_unanswered(n) }
  :: when(node[n].phase == ASKED) read_again(n) }
  :: when(may_serve(n)) serve(n) }
  :: when(may_commit(n)) show_next(n) }
  :: when(learns_of_newer(n)) printf("%d learns of epoch %d\n", n, etcd.epoch); forget_role(n) }
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
  late_message.length = 0;
  k = 0;
  do
  :: k < ROWS ->
    late_message.log[k] = 0;
    k++
  :: else -> break
  od;
  k = 0;
  m = 0
}

proctype network()
{
end:
  do
  :: d_step { late_message.kind == PROPOSAL -> printf("a late proposal arrives\n"); m = late_message.to;
       if
       :: node[m].up && m != late_message.from && would_promise(m, late_message.epoch, late_message.from) ->
         give_promise(m, late_message.epoch, late_message.from)
       :: else
       fi;
       forget_message() }
  :: d_step { late_message.kind == ROW -> printf("a late row arrives\n"); m = late_message.to;
       if
       :: node[m].up && takes_rows(m, late_message.epoch, late_message.from) && node[m].length >= late_message.length ->
         take_row(m, late_message.length, late_message.log[0])
       :: else
       fi;
       forget_message() }
  :: d_step { late_message.kind == SNAPSHOT -> printf("a late snapshot arrives\n"); m = late_message.to;
       if
       :: node[m].up && would_promise(m, late_message.epoch, late_message.from) ->
         give_promise(m, late_message.epoch, late_message.from); copy_log(late_message, node[m])
       :: else
       fi;
       forget_message() }
  :: d_step { late_swap.epoch != 0 -> printf("the swap without an answer arrives\n");
       apply_swap(late_swap.epoch, late_swap.primary, late_swap.members);
       late_swap.epoch = 0; late_swap.primary = 0; late_swap.members = 0 }
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
  :: d_step { !calm && node[0].up + node[1].up + node[2].up >= 2 -> printf("no more faults\n"); calm = true }; break
  od
}

#define serves(n) (node[n].up && node[n].phase == SERVING && etcd.primary == n && etcd.epoch == epoch_of(n))

init
{
  d_step {
    etcd.epoch = 1;
    etcd.primary = 0;
    etcd.members = FIRST_MEMBERS;
    do
    :: m < NODES ->
      node[m].up = true;
      node[m].phase = MEMBER;
      node[m].promised_epoch = 1;
      m++
    :: else -> break
    od;
    m = 0;
    node[0].phase = SERVING;
    node[0].members = FIRST_MEMBERS;
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
    shard_is_served = (serves(0) || serves(1) || serves(2)) && shown_length == ROWS;
    assert(shard_is_served)
  }
}
