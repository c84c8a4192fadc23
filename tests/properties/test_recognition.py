"""What was deferred is earned whole, however time is cut (Billing rules, section 9)."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.recognition import Schedule, schedule_of, taken_from_deferred
from tests.bills import at

DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
AMOUNTS = st.integers(-(10**12), 10**12)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Draw a schedule of up to three years, some of them cut."""
    start = draw(DAYS)
    end = start + timedelta(days=draw(st.integers(0, 1_100)))
    return Schedule(draw(AMOUNTS), start, end, draw(st.none() | DAYS))


@given(schedules(), st.lists(DAYS, max_size=12))
def test_any_cut_of_time_sums_to_the_whole(schedule: Schedule, cuts: list[date]) -> None:
    recognised = 0
    for until in [*sorted(cuts), date(2032, 1, 1)]:
        earned = schedule.earned(until)
        step = earned - recognised
        assert step == 0 or (step > 0) == (schedule.deferred_minor > 0), "nothing is ever taken back"
        recognised += step
    assert recognised == schedule.deferred_minor


@given(schedules(), DAYS)
def test_what_is_charged_and_given_back_alike_is_earned_alike(schedule: Schedule, until: date) -> None:
    mirror = Schedule(-schedule.deferred_minor, schedule.start_date, schedule.end_date, schedule.cut_date)
    assert schedule.earned(until) + mirror.earned(until) == 0


@given(schedules(), DAYS)
def test_a_day_earns_its_even_share_to_a_unit(schedule: Schedule, day: date) -> None:
    if schedule.cut_date is None:
        step = schedule.earned(day + timedelta(days=1)) - schedule.earned(day)
        assert step == 0 or abs(abs(step) - abs(schedule.deferred_minor) / schedule.days) <= 1 + 1e-3


@given(st.integers(1, 10**9), DAYS)
def test_what_gives_back_a_whole_charge_leaves_what_was_earned(net_minor: int, issue_date: date) -> None:
    """At the day of issue and when the period is over the two come to nothing beyond the days served."""
    period = at("2026-06-01"), at("2026-07-01")
    taken = taken_from_deferred(-net_minor, period, zone="UTC", issue_date=issue_date)
    charge = schedule_of(net_minor, period, zone="UTC", issue_date=date(2026, 6, 1))
    credit = schedule_of(taken, period, zone="UTC", issue_date=issue_date)
    assert charge.deferred_minor - charge.earned(issue_date) == -taken
    assert charge.earned(date(2026, 8, 1)) + credit.earned(date(2029, 1, 1)) == net_minor + taken
