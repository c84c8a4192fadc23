"""Boundaries that move: to another zone, to the end of a longer trial (Billing rules, section 5)."""

from dataclasses import replace

from subscriptions.domain import change
from tests.bills import at, lines_of, per_seat
from tests.changes import SMALL, begin, to
from tests.histories import History, account, charge_now, run, start


class TestZone:
    def test_the_next_boundary_stays_and_later_ones_keep_wall_time(self) -> None:
        first = begin(SMALL, 1, "2026-01-31 10:17", zone="Europe/Berlin")
        moved = replace(first, agreement=change.move_to_zone(first.agreement, "America/New_York", at("2026-02-10")))
        later = run(moved, at("2026-05-01"))
        assert [
            (f"{line.charge.period_start:%m-%d %H:%M}", line.charge.amount_minor)
            for paper in later.proposals
            for line in paper.lines
        ] == [("01-31 10:17", 3000), ("02-28 10:17", 3000), ("03-31 15:17", 3000), ("04-30 15:17", 3000)]


class TestExtension:
    def test_a_calendar_stub_at_the_trials_end(self) -> None:
        """35.00, trial to 11 March -> 21/31 = 23.71."""
        agreement = start([(per_seat(3500), 1)], at("2026-02-25"), zone="UTC", alignment="calendar", trial_days=14)
        assert agreement.trial_end_at == at("2026-03-11")
        extended = change.extend_trial(agreement, to(per_seat(3500)), at("2026-03-01"))
        history = charge_now(History(extended, account()), extended, at("2026-03-11"))
        assert lines_of(*history.proposals) == [("recurring", "03-11", "04-01", 2371)]
