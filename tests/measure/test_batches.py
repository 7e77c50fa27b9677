"""The meter of a speedup: with fake subjects on a fake clock, and live against `timeit`."""

import contextlib
import copy
import dataclasses
import itertools
import random
import statistics
import sys
import time
import timeit

import pytest

from pytest_efficiency.errors import ClaimError, CpuLimitReached, ResultsDiffer
from pytest_efficiency.judge.speedup import judge_looks, judge_speedup
from pytest_efficiency.measure.batches import SpeedupMeter
from pytest_efficiency.measure.conditions import Conditions, Lock
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call, Timing


class Clock:
    """Stands still until somebody works."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Fake:
    """A subject whose calls take as long as it is told, and which writes down what it was asked."""

    # No process has this id, so the waiting that the kernel reports is 0.
    pid = 1 << 30

    def __init__(
        self,
        clock,
        seconds,
        *,
        home="here",
        name="fake",
        first=None,
        sleeping=0.0,
        threads=1,
        noise=0.0,
        function=lambda *_: 0,
        log=None,
        elsewhere=0.0,
        overhead=0.0,
    ):
        self.clock, self.seconds, self.home, self.name = clock, seconds, home, name
        self.first, self.sleeping, self.threads = list(first or ()), sleeping, threads
        self.function, self.elsewhere, self.overhead = function, elsewhere, overhead
        self.log = log if log is not None else []
        self.rng, self.noise = random.Random(5), noise
        self.calls, self.results, self.limits, self.seen = [], [], [], []

    def put(self, calls, *, keep=True):
        # What crosses to a worker is a copy.
        self.calls, self.keep = (copy.deepcopy(list(calls)) if self.home == "worker" else list(calls)), keep
        self.seen.extend(calls)

    def go(self, cpu_limit=None):
        self.limits.append(cpu_limit)
        self.log.append((self.name, len(self.calls)))
        cpu = self.overhead
        for _ in self.calls:
            cpu += (self.first.pop(0) if self.first else self.seconds) * (1.0 + self.rng.uniform(0.0, self.noise))
        if cpu_limit is not None and cpu > cpu_limit:
            self.clock.now += cpu_limit
            self.results = []
            msg = "stopped"
            raise CpuLimitReached(msg, cpu_limit)
        self.results = [self.function(*call.args, **call.kwargs) for call in self.calls]
        wall = cpu + self.sleeping * len(self.calls)
        self.clock.now += wall
        # The threads inside share the work with the calling one.
        return Timing(len(self.calls), wall / self.threads, cpu / self.threads, cpu, self.elsewhere)

    def probe(self, probe, _call, **_options):
        assert probe == "afterwards"
        return {}

    def get(self):
        return self.results if self.keep else self.results[-1:]


def meter(candidate, reference, **options):
    options.setdefault("rng", random.Random(3))
    options.setdefault("now", candidate.clock)
    options.setdefault("lock", lambda: contextlib.nullcontext(Lock(held=True)))
    options.setdefault("conditions", lambda: contextlib.nullcontext(Conditions()))
    return SpeedupMeter(candidate, reference, **options)


def pair(candidate=1e-3, reference=1e-2, **more):
    clock, log = Clock(), []
    ours = {key: value for key, value in more.items() if not key.startswith("c_")}
    theirs = {key.removeprefix("c_"): value for key, value in more.items() if key.startswith("c_")}
    return (
        Fake(clock, candidate, name="candidate", log=log, **(ours | theirs)),
        Fake(clock, reference, name="reference", log=log, **ours),
    )


def some(m, n):
    found = []
    for one in m.rounds():
        found.append(one)
        if len(found) == n:
            break
    return found


def decided(m, claim):
    rounds = []
    for one in m.rounds():
        rounds.append(one)
        decision = judge_speedup(rounds, claim)
        if decision.wants != "more":
            return decision
    return judge_speedup(rounds, claim, ended=True)


@pytest.mark.parametrize(
    ("seconds", "ratio", "claim"), [(1e-6, 10.0, 10.0), (3e-6, 4.0, 4.0), (1e-5, 1.0, 1.0), (2e-3, 10.0, 10.0)]
)
def test_batches_of_both_sides_take_equal_time(seconds, ratio, claim):
    """At the claim both batches are equally long, of 100 us or of one call of the reference."""
    for one in some(meter(*pair(seconds, seconds * ratio), claim=claim), 5):
        reference, candidate = one.reference * one.reference_calls, one.candidate * one.candidate_calls
        assert candidate == pytest.approx(reference, rel=0.15)
        assert reference >= 99e-6


@pytest.mark.parametrize(("claim", "outcome"), [(5.0, "passed"), (20.0, "failed")])
@pytest.mark.parametrize("seconds", [1e-7, 1e-5, 1e-3, 5e-2])
def test_a_pair_of_ten_passes_five_and_fails_twenty(seconds, claim, outcome):
    """The whole way from calls of 100 ns to 50 ms, with 5 % of noise, in a few rounds."""
    decision = decided(meter(*pair(seconds, 10.0 * seconds, noise=0.05), claim=claim), claim)
    assert decision.outcome == outcome
    assert decision.rounds <= 10


def test_the_clock_follows_the_length_of_the_batch():
    """Wall time below a millisecond, CPU time above; neither needs a note."""
    short, long = meter(*pair(1e-6, 1e-5), claim=10.0), meter(*pair(1e-3, 1e-2), claim=10.0)
    assert {one.clock for one in some(short, 3)} == {"wall time"}
    assert {one.clock for one in some(long, 3)} == {"CPU time"}
    assert not any("wall time" in note for note in [*short.notes, *long.notes])


def test_a_call_that_sleeps_is_read_by_the_wall_clock():
    """Where most of the time no CPU is used the wall clock is taken, and a note says why."""
    m = meter(*pair(1e-4, 1e-4, sleeping=0.01), claim=2.0)
    assert some(m, 3)[0].clock == "wall time"
    assert any("sleeps" in note for note in m.notes)


def test_threads_inside_are_read_by_the_wall_clock():
    """Two threads that share the work: the CPU time of the calling one would be half the story."""
    m = meter(*pair(1e-2, 2e-2, c_threads=2), claim=2.0)
    one = some(m, 3)[0]
    assert one.clock == "wall time"
    assert any("threads inside" in note for note in m.notes)
    assert one.reference / one.candidate == pytest.approx(4.0)


@pytest.mark.parametrize("moments", [range(2), range(99)])
def test_another_thread_that_runs_for_a_moment_is_no_thread_inside(moments):
    """BLAS spins beside the first calls of 12 ms: the middle of three tells. A thread beside all of them is inside."""
    candidate, reference = pair(2e-4, 12e-3)
    go = reference.go

    def beside(cpu_limit=None):
        timing = go(cpu_limit)
        made = sum(name == "reference" for name, _ in reference.log)
        return dataclasses.replace(timing, process_cpu=1.3 * timing.cpu) if made - 1 in moments else timing

    reference.go = beside
    expected = "CPU time" if len(moments) == 2 else "wall time"
    assert some(meter(candidate, reference, claim=20.0), 3)[0].clock == expected


def test_who_goes_first_is_drawn_for_every_round():
    """Over thirty rounds each side goes first at least five times."""
    candidate, reference = pair(1e-3, 1e-2)
    m = meter(candidate, reference, claim=10.0)
    iterator = m.rounds()
    next(iterator)
    candidate.log.clear()
    for _ in range(30):
        next(iterator)
    firsts = [name for name, _ in candidate.log[::2]]
    assert 5 <= firsts.count("candidate") <= 25


@pytest.mark.parametrize("compiling", [[0.2, 0.05, 0.05, 0.05], [2.0], [0.3]])
def test_compiling_is_in_no_figure(compiling):
    """First calls that are a hundred times as slow, on either side, change no round."""
    for side in ("c_first", "first"):
        candidate, reference = pair(1e-4, 1e-3, **{side: compiling})
        rounds = some(meter(candidate, reference, budget=1.0), 5)
        assert all(one.candidate == pytest.approx(1e-4) for one in rounds)
        assert all(one.reference == pytest.approx(1e-3) for one in rounds)


def test_a_call_of_two_seconds_is_warmed_up_once():
    """One call is the warm-up, one calibrates: nobody waits for fifty."""
    candidate, reference = pair(2.0, 2.0)
    next(meter(candidate, reference, claim=1.0).rounds())
    assert sum(name == "candidate" for name, _ in candidate.log) <= 3
    assert sum(name == "reference" for name, _ in candidate.log) <= 3


def test_a_slow_reference_is_stopped_and_decides_quickly():
    """3 s against 10 ms at a claim of 10: decided in well under a second instead of six."""
    candidate, reference = pair(1e-2, 3.0)
    m = meter(candidate, reference, claim=10.0)
    start = candidate.clock.now
    decision = decided(m, 10.0)
    assert decision.outcome == "passed"
    assert candidate.clock.now - start < 0.4
    # One call of it, stopped at 2.4 times the claim, beside two batches of the candidate.
    assert reference.limits == [pytest.approx(0.24)]
    assert decision.rounds == 2
    assert any("not compared" in note for note in m.notes)


def test_a_slow_reference_in_a_worker_is_stopped_in_its_first_call():
    """As here: 3 s against 10 ms at a claim of 10 is decided from one call that was stopped."""
    candidate, reference = pair(1e-2, 3.0, home="worker")
    m = meter(candidate, reference, inputs=lambda: (1,), claim=10.0)
    start = candidate.clock.now
    assert decided(m, 10.0).outcome == "passed"
    assert candidate.clock.now - start < 0.4
    assert len(reference.limits) == 1
    assert any("not compared" in note for note in m.notes)


@pytest.mark.parametrize("home", ["here", "worker"])
def test_a_stopped_reference_proves_nothing_about_a_candidate_that_is_slow_as_well(home):
    """Its first calls took 10 ms, and then each takes 2 s: what the reference's stopped call proves is too little."""
    candidate, reference = pair(2.0, 3.0, home=home, c_first=[0.01] * 2)
    m = meter(candidate, reference, inputs=lambda: (1,), claim=10.0, budget=1.0)
    decision = decided(m, 10.0)
    assert (decision.outcome, decision.wants) == (None, "look again")


def test_a_reference_that_was_stopped_while_it_imported_is_run_again_without_a_limit():
    """An import of 1 s in each new worker's first call is no work: the reference is called to its end."""

    class Importing(Fake):
        def go(self, cpu_limit=None):
            if cpu_limit is not None:
                self.limits.append(cpu_limit)
                msg = "stopped"
                raise CpuLimitReached(msg, cpu_limit, setting_up=True)
            return super().go(cpu_limit)

    candidate, _ = pair(1e-2, 1e-2, home="worker")
    importing = Importing(candidate.clock, 1e-2, home="worker", name="reference", first=[1.0], log=candidate.log)
    m = meter(candidate, importing, inputs=lambda: (1,), claim=10.0)
    assert decided(m, 10.0).outcome == "failed"
    assert not any("not compared" in note for note in m.notes)


def test_a_reference_that_is_not_slow_enough_runs_to_its_end():
    """At a claim of 200 the limit is 3.2 s: a reference of 0.8 s is run, compared and found too fast."""
    candidate, reference = pair(1e-2, 0.8)
    m = meter(candidate, reference, claim=200.0)
    decision = decided(m, 200.0)
    assert decision.outcome == "failed"
    assert decision.value == pytest.approx(80.0)
    assert not any("not compared" in note for note in m.notes)


def test_three_rounds_are_made_whatever_they_cost_and_then_the_budget_counts():
    """A verdict needs three rounds; ten times the budget later there are no more than those."""
    assert len(list(meter(*pair(1.0, 1.0), budget=0.1).rounds())) == 3
    many = list(meter(*pair(1e-4, 1e-3), budget=0.1).rounds())
    assert 20 < len(many) < 60
    assert len(list(meter(*pair(1e-6, 1e-5), budget=100.0).rounds())) == 400


def test_results_that_differ_end_it_with_the_arguments():
    """The error says what was compared, where it differs, for which arguments, and what to do."""
    candidate, reference = pair(1e-3, 1e-2, function=lambda x: x + 1, c_function=lambda x: x + 2)
    with pytest.raises(
        ResultsDiffer, match=r"candidate does not agree with reference: expected 8, got 9.*\(7\).*equal="
    ):
        next(meter(candidate, reference, call=Call((7,))).rounds())
    assert next(meter(candidate, reference, call=Call((7,)), equal=None).rounds()).candidate_calls
    assert any("equal=None" in note for note in meter(candidate, reference, equal=None).notes)


def test_fixed_arguments_are_said_to_be_fixed():
    """The report must say that a cache would win; with fresh inputs there is nothing to say."""
    m = meter(*pair(), call=Call((1,)))
    next(m.rounds())
    assert "same arguments each call: a cache would win" in m.notes
    fresh = meter(*pair(), inputs=lambda: (random.random(),))
    next(fresh.rounds())
    assert fresh.notes == []


def test_fresh_inputs_are_made_for_every_call_and_both_sides_agree_on_the_first():
    """No object is handed to two timed calls, and the first calls of both sides get equal arguments."""
    numbers = iter(range(10**9))
    candidate, reference = pair(1e-3, 1e-2, function=lambda x: x[0])
    some(meter(candidate, reference, inputs=lambda: ([next(numbers)],), claim=5.0), 4)
    assert candidate.seen[0].args == reference.seen[0].args
    objects = [id(call.args[0]) for call in [*candidate.seen, *reference.seen]]
    assert len(set(objects)) == len(objects)


def test_inputs_that_are_large_are_not_made_by_the_thousand():
    """A batch's inputs fit into the second-level cache, or there is one call only; both sides shrink alike."""
    big = bytes(10**6)
    candidate, reference = pair(1e-7, 1e-6)
    for one in some(meter(candidate, reference, inputs=lambda: (big,), claim=10.0), 3):
        assert one.candidate_calls <= 10
        assert one.reference_calls <= 10


def test_arguments_that_a_call_changes_are_copied_for_each():
    """`list.sort` gets an unsorted list every time, the caller's list stays, and a note says so."""
    data = [3, 1, 2]
    seen = []

    def sort(x):
        seen.append(list(x))
        x.sort()

    candidate, reference = pair(1e-3, 1e-2, function=sort)
    m = meter(candidate, reference, call=Call((data,)))
    some(m, 3)
    assert data == [3, 1, 2]
    assert all(x == [3, 1, 2] for x in seen)
    assert any("fresh copy" in note for note in m.notes)


@pytest.mark.parametrize("broken", [lambda _: None, lambda x: x.sort(reverse=True)], ids=["nothing", "otherwise"])
def test_functions_that_work_in_place_are_compared_by_what_they_did(broken):
    """Doing nothing, or something else, in place is a difference; doing the same is not."""
    candidate, reference = pair(1e-3, 1e-2, function=lambda x: x.sort(), c_function=broken)
    with pytest.raises(ResultsDiffer, match=r"expected \[|expected 1"):
        next(meter(candidate, reference, call=Call(([3, 1, 2],))).rounds())
    candidate.function = lambda x: x.sort()
    assert next(meter(candidate, reference, call=Call(([3, 1, 2],))).rounds())


def test_changed_arguments_that_cannot_be_copied_need_inputs():
    """A ClaimError asks for `inputs=`."""

    class Stubborn:
        def __init__(self):
            self.n = 0

        def __deepcopy__(self, memo):
            raise RuntimeError

    def change(x):
        x.n += 1

    with pytest.raises(ClaimError, match="inputs="):
        next(meter(*pair(function=change), call=Call((Stubborn(),))).rounds())
    assert next(meter(*pair(), call=Call((Stubborn(),))).rounds())


def test_a_candidates_exception_reaches_the_caller():
    """Nothing is wrapped: the test shows the candidate's own error."""
    candidate, reference = pair(c_function=lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        next(meter(candidate, reference).rounds())


def test_what_cannot_be_kept_away_makes_rounds_void():
    """A tracer that stays and a lock that is not obtained travel in every round as its reason."""
    blocked = meter(*pair(), conditions=lambda: contextlib.nullcontext(Conditions(blocked=["sys.settrace"])))
    assert "sys.settrace" in next(blocked.rounds()).void
    unlocked = meter(*pair(), lock=lambda: contextlib.nullcontext(Lock(held=False, note="contended: core 0")))
    assert next(unlocked.rounds()).void == "contended: core 0"
    assert next(meter(*pair()).rounds()).void == ""


def test_calls_and_seconds_are_counted():
    """The totals for the report are those of the subjects."""
    candidate, reference = pair(1e-3, 1e-2)
    m = meter(candidate, reference, claim=10.0)
    some(m, 3)
    assert m.calls == sum(n for _, n in candidate.log)
    assert m.candidate_seconds == pytest.approx(1e-3)
    assert m.reference_seconds == pytest.approx(1e-2)


def test_rounds_may_be_asked_for_again():
    """A second look calibrates anew and neither compares nor warms up from the start."""
    m = meter(*pair(), claim=5.0)
    assert decided(m, 5.0).outcome == decided(m, 5.0).outcome == "passed"


def test_times_of_zero_are_unclear_and_no_crash():
    """A clock of the calls that stands still ends in a reason, on both homes, as soon as ours has seen enough."""
    for home in ("here", "worker"):
        ours = itertools.count(0.0, 0.01).__next__
        decision = decided(meter(*pair(0.0, 0.0, home=home), claim=10.0, budget=1.0, now=ours), 10.0)
        assert decision.outcome is None
        assert "make each call do more work" in decision.why


# Workers: fakes whose home is one.


def test_workers_get_the_same_fresh_inputs_and_every_result_is_checked():
    """In each round both sides see the same arguments, new ones each time."""
    numbers = iter(range(10**9))
    candidate, reference = pair(1e-3, 1e-2, home="worker", function=lambda x: x * 2)
    m = meter(candidate, reference, inputs=lambda: (next(numbers),), claim=5.0)
    iterator = m.rounds()
    next(iterator)
    candidate.seen.clear()
    reference.seen.clear()
    some_rounds = [next(iterator) for _ in range(5)]
    assert [call.args for call in candidate.seen] == [call.args for call in reference.seen]
    assert len({call.args for call in candidate.seen}) == len(candidate.seen)
    assert all(one.clock == "CPU time" and one.candidate_calls == one.reference_calls for one in some_rounds)


def test_a_worker_that_is_wrong_once_in_a_while_is_found():
    """A cheat in one call of fifty does not survive the rounds, and the smallest failing input is shown."""
    numbers = iter(range(10**9))

    def cheat(x):
        return -1 if x % 50 == 49 else x

    candidate, reference = pair(1e-5, 1e-4, home="worker", function=lambda x: x, c_function=cheat)
    m = meter(candidate, reference, inputs=lambda: (next(numbers),), claim=5.0)
    with pytest.raises(ResultsDiffer, match=r"got -1; the arguments were \(\d*(49|99)\)"):
        list(m.rounds())


@pytest.mark.parametrize(
    ("candidate", "reference", "calls"), [(1e-3, 1e-2, 1), (1e-5, 1e-4, 50), (1e-5, 2e-2, 5), (1e-2, 0.2, 1)]
)
def test_batches_of_workers_are_sized_by_both_sides(candidate, reference, calls):
    """About half a millisecond of the candidate, at most 0.1 s of the reference, at least one call."""
    one = next(meter(*pair(candidate, reference, home="worker"), inputs=lambda: (1,), claim=5.0).rounds())
    assert calls / 1.5 <= one.candidate_calls <= calls * 1.5


def test_the_price_of_the_channel_is_taken_off_as_the_references_worker_shows_it():
    """20 us for each batch are in no figure; a candidate that pretends to cost more keeps its own."""
    honest = some(meter(*pair(1e-4, 1e-3, home="worker", overhead=2e-5), claim=5.0), 3)
    assert all(one.candidate == pytest.approx(1e-4) and one.reference == pytest.approx(1e-3) for one in honest)
    slow = some(meter(*pair(1e-4, 1e-3, home="worker", overhead=2e-5, c_overhead=4e-4), claim=5.0), 3)
    assert all(one.candidate > 1.3e-4 for one in slow)


def test_what_a_worker_burns_between_calls_travels_to_the_judge():
    """The rounds carry both sides' CPU time outside of the calls; the judge charges it."""
    one = next(meter(*pair(1e-3, 1e-2, home="worker", elsewhere=1e-4, c_elsewhere=5e-3), claim=5.0).rounds())
    assert (one.reference_elsewhere, one.candidate_elsewhere) == (1e-4, 5e-3)


def test_a_slow_reference_of_a_graded_answer_is_checked_in_one_round_of_two():
    """Of the two rounds that a pass needs one, drawn at random, runs to its end and is compared."""
    checked = set()
    for seed in range(12):
        candidate, reference = pair(1e-2, 3.0, home="worker")
        m = meter(candidate, reference, inputs=lambda: (1,), claim=10.0, rng=random.Random(seed), unchecked=False)
        rounds = some(m, 2)
        assert sum(one.stopped for one in rounds) == 1
        checked.add([one.stopped for one in rounds].index(False))
        assert judge_speedup(rounds, 10.0).outcome == "passed"
    assert checked == {0, 1}


def test_a_candidate_below_the_price_of_the_channel_is_never_failed_for_it():
    """1 us against 20 us for the message: it passes what is certain, and a claim beyond that is unclear."""
    options = {"home": "worker", "overhead": 2e-5}
    assert decided(meter(*pair(1e-6, 0.09, **options), inputs=lambda: (1,), claim=100.0), 100.0).outcome == "passed"
    decision = decided(meter(*pair(1e-6, 0.09, **options), inputs=lambda: (1,), claim=50_000.0), 50_000.0)
    assert (decision.outcome, decision.wants) == (None, "look again")
    assert "larger inputs" in decision.why


def test_a_reference_far_too_slow_for_a_fast_candidate_is_stopped_as_well():
    """3 s against 10 us: R x candidate is short, and still nobody waits for three seconds three times."""
    candidate, reference = pair(1e-5, 3.0)
    start = candidate.clock.now
    assert decided(meter(candidate, reference, claim=10.0), 10.0).outcome == "passed"
    assert candidate.clock.now - start < 0.8
    candidate, reference = pair(1e-5, 0.3)
    m = meter(candidate, reference, claim=10.0)
    assert decided(m, 10.0).outcome == "passed"
    assert not any("not compared" in note for note in m.notes)


# Live: real functions, real clocks, an outside source.


def loop(n):
    total = 0
    for i in range(n):
        total += i & 7
    return 0


def live(candidate, reference, claim, **options):
    looks = []
    while True:
        looks.append(decided(SpeedupMeter(Here(candidate), Here(reference), claim=claim, **options), claim))
        # No pauses: within 20 % of the claim nothing is tested live.
        decision = judge_looks(looks)
        if decision.wants is None:
            return decision


@pytest.mark.parametrize("n", [20, 2000])
def test_live_ratio_is_that_of_timeit(n):
    """Ten times the loop: the ratio agrees with `timeit`'s on CPU time, alternated, within 25 %.

    On CPU time, because on its usual clock `timeit` read 40 for this ratio of 10 while other jobs ran.
    """
    short, long = (lambda: loop(n)), (lambda: loop(10 * n))
    number = max(1, 20_000 // n)
    outside = statistics.median(
        timeit.timeit(long, number=number, timer=time.thread_time)
        / timeit.timeit(short, number=number, timer=time.thread_time)
        for _ in range(15)
    )
    decision = decided(SpeedupMeter(Here(short), Here(long)), None)
    assert decision.value == pytest.approx(outside, rel=0.25)


@pytest.mark.parametrize("n", [50, 5000])
def test_live_twice_is_resolved_and_same_is_not(n):
    """A pair of 4 passes a claim of 2; the same function against itself fails it and passes a claim of 0.5."""
    assert live(lambda: loop(n), lambda: loop(4 * n), 2.0).outcome == "passed"
    assert live(lambda: loop(n), lambda: loop(n), 2.0).outcome == "failed"
    assert live(lambda: loop(n), lambda: loop(n), 0.5).outcome == "passed"


def test_live_a_slow_reference_takes_a_fraction_of_its_time():
    """A reference of several seconds against some 3 ms at a claim of 10 is not run to its end once."""
    calls = []

    def slow():
        calls.append("begun")
        loop(100_000_000)
        calls.append("ended")

    decision = live(lambda: loop(50_000), slow, 10.0)
    assert decision.outcome == "passed"
    assert "ended" not in calls
    assert len(calls) <= 5


def test_live_tracing_changes_nothing_and_comes_back():
    """A tracer that makes Python ten times slower is away while it counts, and there again afterwards."""

    def tracer(frame, event, arg):
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        decision = live(lambda: 0 * sum(range(20_000)), lambda: loop(20_000), None)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    plain = live(lambda: 0 * sum(range(20_000)), lambda: loop(20_000), None)
    assert decision.value == pytest.approx(plain.value, rel=0.4)


def test_live_rounds_are_short():
    """Median of the wall time of a batch of microsecond calls stays near 100 us: a verdict costs milliseconds."""
    m = SpeedupMeter(Here(lambda: loop(20)), Here(lambda: loop(200)), claim=10.0, budget=0.2)
    length = statistics.median(one.reference_wall * one.reference_calls for one in m.rounds())
    assert 3e-5 < length < 1e-3


def test_a_long_reference_stands_between_two_halves_of_the_candidates_batch():
    """0.3 s against 75 ms: one call, 0.3 s of the reference, one call; together they take half as long as it."""
    candidate, reference = pair(0.075, 0.3)
    m = meter(candidate, reference, claim=4.0, budget=10.0)
    iterator = m.rounds()
    next(iterator)
    candidate.log.clear()
    one = next(iterator)
    assert candidate.log == [("candidate", 1), ("reference", 1), ("candidate", 1)]
    assert one.candidate_calls == 2
    assert one.reference / one.candidate == pytest.approx(4.0)
