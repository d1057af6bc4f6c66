"""Of those who want to do the same work one does it; a dead one loses it by the clock."""

from datetime import timedelta

import pytest
from django.utils import timezone

from purge.models import Lease
from purge.worker.leases import LeaseLost, leased

pytestmark = pytest.mark.django_db


def test_one_at_a_time_and_again_afterwards():
    with leased("sweeping", 60) as first:
        assert first is not None
        with leased("sweeping", 60) as second, leased("something else", 60) as other:
            assert second is None
            assert other is not None
        # Whoever did not get it gives nothing back.
        assert Lease.objects.get(name="sweeping").until > timezone.now()
    with leased("sweeping", 60) as third:
        assert third is not None


def test_a_dead_holders_lease_runs_out_and_the_holder_may_not_go_on():
    with leased("sweeping", 60) as slow:
        assert slow is not None
        slow()
        Lease.objects.filter(name="sweeping").update(until=timezone.now() - timedelta(seconds=1))
        with leased("sweeping", 60) as next_one:
            assert next_one is not None
            with pytest.raises(LeaseLost):
                slow()
            next_one()
    assert Lease.objects.filter(name="sweeping").count() == 1


def test_renewing_takes_the_time_anew():
    with leased("sweeping", 60) as renew:
        assert renew is not None
        Lease.objects.update(until=timezone.now() + timedelta(seconds=1))
        renew()
        assert Lease.objects.get(name="sweeping").until > timezone.now() + timedelta(seconds=50)


def test_an_error_gives_it_back():
    with pytest.raises(ZeroDivisionError), leased("sweeping", 60):
        raise ZeroDivisionError
    with leased("sweeping", 60) as renew:
        assert renew is not None
