"""Who has sent which request, and whether that process still lives."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from promptlab.db.columns import now
from promptlab.services.ownership import Owner

_HOLD = """
import sys
from pathlib import Path
from promptlab.services.ownership import Owner
owner = Owner(Path(sys.argv[1]))
with owner.alive(lambda: None, about="a", note="1 2"):
    print(owner.id, flush=True)
    sys.stdin.read()
"""

PAST, FUTURE = now() - timedelta(hours=1), now() + timedelta(hours=1)


def test_a_process_that_lives_is_left_alone_and_one_that_was_killed_is_not(tmp_path: Path) -> None:
    """At once on the same machine, whatever the lease says: it is only for others."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        with Owner(tmp_path).take_over(owner, PAST) as dead:
            assert not dead
        process.kill()
        process.wait()
    with Owner(tmp_path).take_over(owner, FUTURE) as dead:
        assert dead


def test_a_process_of_another_machine_is_believed_until_its_lease_ends(tmp_path: Path) -> None:
    for lease, expected in ((FUTURE, False), (PAST, True)):
        with Owner(tmp_path).take_over("of-another-machine", lease) as dead:
            assert dead is expected


def test_only_one_takes_over(tmp_path: Path) -> None:
    """While one process settles what a dead one left, a second one keeps away."""
    left = Owner(tmp_path)
    (tmp_path / f"{left.id}.lock").touch()
    with Owner(tmp_path).take_over(left.id, PAST) as first, Owner(tmp_path).take_over(left.id, PAST) as second:
        assert (first, second) == (True, False)


def test_nobody_takes_over_from_themselves(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    with owner.take_over(owner.id, PAST) as dead:
        assert not dead
