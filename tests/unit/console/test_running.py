"""Commands that start, follow, stop and continue executions."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from console.commands.plan_table import show_plan
from console.shell.screen import Screen
from eventing.redrive.filter import Filter
from eventing.redrive.request import RedriveRequest, read_request
from tests.unit.console.cloud import (
    CALLER,
    MACHINE,
    Cloud,
    Refused,
    Run,
    alarm,
    done,
    items,
    plan_of,
)
from tests.unit.console.given import VALUES, Eventing

WHY = ("--reason", "the policy is back")
ACTIONS = ("triage", "plan", "redrive", "discard")
FIELDS = [f.name for kind in (RedriveRequest, Filter) for f in fields(kind)]


def started(cloud: Cloud) -> list[dict[str, Any]]:
    """The inputs of the executions that were started."""
    return [json.loads(p["input"]) for name, p in cloud.calls if name == "StartExecution"]


def options(field: str) -> list[str]:
    """A field of the input as an option."""
    value = VALUES[field]
    if isinstance(value, list):
        return [word for one in value for word in (f"--{field[:-1]}".replace("_", "-"), one)]
    name = f"--{field}".replace("_", "-")
    return [name] if value is True else [name, str(value)]


def test_there_is_a_value_for_each_field() -> None:
    others = {"action", "filter", "everything", "junk_ids", "junk_kind"}
    assert set(VALUES) == set(FIELDS) - others


def test_a_discard_of_everything_says_so(cloud: Cloud, eventing: Eventing) -> None:
    assert eventing("discard", *WHY, "--yes", "--detach").code == 2
    assert eventing("discard", *WHY, "--everything", "--yes", "--detach").code == 0
    assert started(cloud)[-1]["everything"] is True
    assert "--everything" not in eventing("redrive", "--help").out


def test_junk_is_resubmitted_by_its_ids_or_its_kind(cloud: Cloud, eventing: Eventing) -> None:
    for given, members in (
        (["--junk-id", "17", "--junk-id", "18"], {"junk_ids": ["17", "18"]}),
        (["--junk-kind", "newer-letter"], {"junk_kind": "newer-letter"}),
    ):
        ended = eventing("resubmit", *given, *WHY, "--detach")
        assert ended.code == 0, ended.err
        assert members.items() <= started(cloud)[-1].items()
    assert "--junk-id" not in eventing("redrive", "--help").out
    assert "--fingerprint" not in eventing("resubmit", "--help").out
    assert eventing("resubmit", "--junk-kind", "letters", *WHY).code == 2
    assert eventing("resubmit", "--junk-id", "17", "--reason", " ").code == 2


@pytest.mark.parametrize(
    ("junk", "code"),
    [
        ({"resubmitted": 1, "letters": 1, "still_junk": 0}, 0),
        ({"resubmitted": 1, "letters": 1, "still_junk": 4}, 0),
        ({"resubmitted": 0, "letters": 0, "still_junk": 0, "left: THROTTLED": 1}, 3),
        ({"resubmitted": 9, "letters": 9, "still_junk": 0, "not_looked_at": 20}, 3),
    ],
)
def test_resubmitting_says_what_became_of_the_junk(
    cloud: Cloud, eventing: Eventing, junk: dict[str, int], code: int
) -> None:
    cloud.engine = lambda cloud, request: Run(request, {"outcome": "resubmitted", "junk": junk})

    ended = eventing("resubmit", "--junk-kind", "newer-letter", *WHY)
    assert ended.code == code
    assert f"resubmitted {junk['resubmitted']}" in ended.out
    told = json.loads(eventing("resubmit", "--junk-kind", "newer-letter", *WHY, "--json").out)
    assert told["junk"] == junk


@pytest.mark.parametrize("action", ACTIONS)
def test_every_field_of_the_input_is_an_option(
    cloud: Cloud, eventing: Eventing, action: str
) -> None:
    given = [word for field in VALUES for word in options(field)]
    yes = ["--yes"] if action in ("redrive", "discard") else []
    ended = eventing(action, *given, *yes, "--detach")

    assert ended.code == 0, ended.err
    (request,) = started(cloud)
    assert request.pop("action") == action
    assert request.pop("filter") | request == VALUES


@pytest.mark.parametrize("action", ACTIONS)
def test_every_option_is_explained(eventing: Eventing, action: str) -> None:
    told = eventing(action, "--help").out

    for field in VALUES:
        name = field[:-1] if field == "letter_ids" else field
        assert f"--{name}".replace("_", "-") in told


def test_who_asks_is_filled_in_from_the_credentials(cloud: Cloud, eventing: Eventing) -> None:
    eventing("triage", "--detach")

    assert started(cloud)[0]["started_by"] == CALLER


@pytest.mark.parametrize(
    "wrong",
    [
        ("--stage", "nowhere"),
        ("--cause", "BAD_LUCK"),
        ("--rate-per-second", "0"),
        ("--failed-before", "yesterday"),
        ("--letter-id", "x"),
        ("--limit", "many"),
        ("--nonsense", "x"),
        ("--publisher", ""),
    ],
)
def test_what_the_state_machine_would_refuse_is_not_started(
    cloud: Cloud, eventing: Eventing, wrong: tuple[str, str]
) -> None:
    ended = eventing("redrive", "--yes", *WHY, *wrong)

    assert ended.code == 2 if wrong != ("--publisher", "") else ended.code in (0, 2)
    assert wrong[0].lstrip("-").split("-")[0] in ended.err or wrong[1] == ""
    if wrong[1]:
        assert cloud.count()["StartExecution"] == 0


def test_a_discard_needs_a_reason(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing("discard", "--topic", "orders", "--yes")

    assert ended.code == 2
    assert ended.err.startswith("eventing: reason: ")
    assert cloud.count()["StartExecution"] == 0


def test_a_plan_is_a_table(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(12))
    ended = eventing("plan", "--stage", "publish", "--fingerprint", "0123456789abcdef")

    assert ended.code == 0
    told = dict(re.split(r"\s{2,}", line.strip()) for line in ended.out.splitlines()[:7])
    assert told["letters"] == told["will go through"] == "12"
    assert (told["takes"], told["costs"], told["topics"]) == ("4 s", "$0.0123", "orders 12")
    assert ended.out.rstrip().endswith(
        "eventing redrive --stage publish --fingerprint 0123456789abcdef"
    )


def test_a_plan_says_to_which_topics_nobody_is_subscribed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary = plan_of(3) | {
        "subscriptions": {"orders": 0, "payments": 2, "customers": "NOT_FOUND", "rest": 0},
        "subscribers_needed": ["orders", "payments", "customers"],
    }
    show_plan(Screen(), summary)

    told = capsys.readouterr().out
    lines = dict(re.split(r"\s{2,}", line.strip()) for line in told.splitlines())
    assert lines["subscriptions"] == "orders 0, payments 2, customers NOT_FOUND, rest 0"
    assert lines["nobody subscribed"] == "orders"


LEFT_OUT = "8 letters of suspended publishers are left out (acme 8): resume the publisher."


def withholding(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """What the state machine makes of letters of which eight are a suspended publisher's."""
    ended = done(cloud, request)
    if request["action"] == "discard" or ended.output is None:
        return ended
    withheld = {"withheld": 8, "withheld_by_publisher": {"acme": 8}, "warnings": [LEFT_OUT]}
    return replace(ended, output={**ended.output, "plan": ended.output["plan"] | withheld})


def test_a_plan_says_whose_letters_are_left_out(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(12))
    cloud.engine = withholding
    ended = eventing("plan")

    assert ended.code == 0
    assert re.search(r"^of suspended publishers +acme 8 *$", ended.out, re.MULTILINE)
    assert ended.out.count(LEFT_OUT) == 1
    assert eventing("plan", "--json").document["plan"]["warnings"] == [LEFT_OUT]


def test_a_redrive_says_whose_letters_it_leaves_out(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(12))
    cloud.engine = withholding
    cloud.answers = ["y", "it is back"]
    ended = eventing("redrive")

    assert cloud.asked[0] == "Redrive 12 letters on eventing in eu-north-1? [y/N]"
    before, _, after = ended.out.partition("redrive: done")
    # Before it is agreed to, and with how it ended.
    assert before.count(LEFT_OUT) == after.count(LEFT_OUT) == 1


def test_where_all_letters_are_left_out_nobody_is_asked(cloud: Cloud, eventing: Eventing) -> None:
    cloud.engine = withholding
    ended = eventing("redrive")

    assert (ended.code, cloud.asked) == (0, [])
    assert LEFT_OUT in ended.out
    assert "No other letter is open." in ended.out


@pytest.mark.parametrize(("limit", "letters"), [((), 20), (("--limit", "15"), 15)])
def test_a_discard_is_asked_about_with_the_letters_of_suspended_publishers(
    cloud: Cloud, eventing: Eventing, limit: tuple[str, ...], letters: int
) -> None:
    cloud.items += items(range(12))
    cloud.engine = withholding
    cloud.answers = ["n"]
    ended = eventing("discard", "--topic", "orders", *limit, *WHY)

    assert cloud.asked == [f"Discard {letters} letters on eventing in eu-north-1? [y/N]"]
    assert LEFT_OUT not in ended.out
    assert "Letters of suspended publishers are discarded as well." in ended.out


def test_a_report_says_whose_letters_were_left_out(cloud: Cloud, eventing: Eventing) -> None:
    cloud.keep_report("r-1", plan=plan_of(3) | {"warnings": [LEFT_OUT]})
    assert LEFT_OUT in eventing("report", "r-1").out


def test_a_redrive_shows_its_plan_asks_and_reports(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(12))
    cloud.answers = ["y", "it is back"]
    ended = eventing("redrive", "--stage", "publish", "--reason", "the policy is back")

    assert ended.code == 0
    assert cloud.asked == ["Redrive 12 letters of publish on eventing in eu-north-1? [y/N]"]
    planned, redriven = started(cloud)
    assert (planned["action"], redriven["action"]) == ("plan", "redrive")
    # Nothing that fails while the plan is looked at is taken up with it.
    assert redriven["filter"] == {"failed_before": "2026-11-27T16:00:00.000Z"}
    assert "redrive: done" in ended.out
    assert "resolved 12" in ended.out
    assert ended.out.rstrip().endswith("eventing status")


def test_the_reason_is_asked_for_when_it_was_not_given(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(12))
    cloud.answers = ["yes", "the policy is back"]
    ended = eventing("redrive")

    assert ended.code == 0
    assert cloud.asked[1] == "Why? For the report and the audit:"
    assert "reason" not in started(cloud)[0]
    assert started(cloud)[1]["reason"] == "the policy is back"


@pytest.mark.parametrize("answer", ["", "n", "no", "perhaps", "Y N"])
def test_only_a_plain_yes_is_one(cloud: Cloud, eventing: Eventing, answer: str) -> None:
    cloud.items += items(range(3))
    cloud.answers = [answer]

    assert eventing("redrive").code == 3
    assert [request["action"] for request in started(cloud)] == ["plan"]


def test_a_program_is_not_asked(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(3))

    assert eventing("redrive", "--json").code == 2
    assert cloud.count()["StartExecution"] == 0


def test_a_time_that_was_given_is_kept_when_it_is_earlier(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(1))
    cloud.answers = ["y", "it is back"]
    eventing("redrive", "--failed-before", "2026-11-01T00:00:00Z")

    assert started(cloud)[1]["filter"] == {"failed_before": "2026-11-01T00:00:00.000Z"}


def test_who_says_no_has_changed_nothing(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(12))
    cloud.answers = ["n"]
    ended = eventing("discard", "--topic", "orders", "--reason", "nobody wants them")

    assert ended.code == 3
    assert [request["action"] for request in started(cloud)] == ["plan"]
    assert ended.err.endswith("eventing: Called off; nothing was begun.\n")


def test_nothing_to_redrive_is_not_asked_about(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing("redrive")

    assert (ended.code, cloud.asked) == (0, [])
    assert [request["action"] for request in started(cloud)] == ["plan"]


def test_where_nobody_can_be_asked_nothing_is_begun_without_yes(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.at_terminal = False
    ended = eventing("redrive")

    assert ended.code == 2
    assert "--yes" in ended.err
    assert cloud.count()["StartExecution"] == 0


def test_yes_and_json_for_programs(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(3))
    ended = eventing("redrive", "--yes", *WHY, "--json")

    assert ended.document["counts"] == {"resolved": 3}
    assert ended.document["outcome"] == "done"
    assert [request["action"] for request in started(cloud)] == ["redrive"]


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (Run({}, {"outcome": "done", "counts": {"resolved": 3}}), 0),
        (Run({}, {"outcome": "nothing"}), 0),
        (Run({}, {"outcome": "done", "counts": {"resolved": 3, "failed": 1}}), 3),
        (Run({}, {"outcome": "done", "counts": {"parked": 1}}), 3),
        (Run({}, {"outcome": "aborted", "cause": "the topic orders: NOT_FOUND"}), 3),
        (Run({}, {"outcome": "partial", "not_taken_up": 4}), 3),
        (Run({}, {"outcome": "refused", "cause": "Refused by dana."}), 3),
        (Run({}, {"outcome": "not approved"}), 3),
        (Run({}, status="ABORTED"), 3),
        (Run({}, status="FAILED", error="Locked", cause="by another"), 1),
        (Run({}, status="FAILED", error="PlanChanged", cause="1 letter was added"), 1),
        (Run({}, status="FAILED", error="ClientError", cause="see the history"), 1),
        (Run({}, status="TIMED_OUT"), 1),
        (Run({}, status="FAILED", error="InvalidInput", cause="filter: selects no letter"), 2),
    ],
)
def test_the_exit_code_says_how_it_ended(
    cloud: Cloud, eventing: Eventing, run: Run, code: int
) -> None:
    cloud.engine = lambda cloud, request: Run(request, run.output, run.status, run.error, run.cause)
    ended = eventing("redrive", "--yes", *WHY, "--json")

    assert ended.code == code
    assert ended.document["outcome"] == (
        (run.output or {}).get("outcome") or run.error or run.status.lower()
    )
    cause = run.cause or (run.output or {}).get("cause")
    assert ended.document["cause"] == cause
    assert isinstance(ended.document["next"], list)
    if cause:
        assert cause in eventing("redrive", "--yes", *WHY).out


def test_progress_is_told_as_it_changes(cloud: Cloud, eventing: Eventing) -> None:
    cloud.engine = lambda cloud, request: Run(
        request,
        {"outcome": "done", "plan": plan_of(1000), "counts": {"resolved": 1000}},
        states=["Triage a page", "Work off a page", "Work off a page"],
        position={"next": 400, "failed": 2, "rate": 100.0},
    )
    told = eventing("redrive", "--yes", *WHY, "--limit", "1000").err.splitlines()

    assert "Work off a page: 400 of 1,000 letters, 2 failed" in told
    assert len(told) == len(set(told))


def test_letters_that_are_done_within_a_page_are_counted(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += [
        *items(range(5), topic="orders"),
        # Another's, and one that failed again since.
        *items(range(5, 9), topic="payments"),
        *items(range(9, 10), topic="orders", failed_at="2026-11-27T16:00:01.000Z"),
    ]
    cloud.engine = lambda cloud, request: Run(request, {"outcome": "done", "plan": plan_of(8)})
    told = eventing("redrive", "--topic", "orders", "--yes", *WHY).err.splitlines()

    assert "Work off a page: 3 of 8 letters, 0 failed" in told


@pytest.mark.parametrize("more", [("--limit", "8"), ("--letter-id", "a" * 43)])
def test_letters_that_cannot_be_told_from_others_are_not_counted(
    cloud: Cloud, eventing: Eventing, more: tuple[str, str]
) -> None:
    cloud.engine = lambda cloud, request: Run(request, {"outcome": "done", "plan": plan_of(8)})
    eventing("redrive", "--yes", *WHY, *more)

    assert cloud.count()["Query"] == 0


def test_many_letters_are_not_counted_again_and_again(cloud: Cloud, eventing: Eventing) -> None:
    cloud.engine = lambda cloud, request: Run(request, {"outcome": "done", "plan": plan_of(10_001)})
    eventing("redrive", "--yes", *WHY)

    assert cloud.count()["Query"] == 0


def test_show_aws_prints_the_same_and_does_nothing(cloud: Cloud, eventing: Eventing) -> None:
    hostile = 'it\'s $(reboot) `x` "y"'
    for action in ACTIONS:
        chosen = ["--everything"] if action == "discard" else []
        ended = eventing(action, "--show-aws", "--reason", hostile, *chosen)
        words = shlex.split(ended.out)
        assert words[:3] == ["aws", "stepfunctions", "start-execution"]
        assert words[words.index("--state-machine-arn") + 1] == MACHINE
        request = read_request(json.loads(words[words.index("--input") + 1]))
        assert (request.action, request.reason) == (action, hostile)
        assert words[words.index("--region") + 1] == "eu-north-1"
        assert ended.out.count("\n") == 1
    cloud.runs["r-1"] = Run({"action": "redrive"})
    words = shlex.split(eventing("stop", "r-1", "--show-aws", "--reason", hostile).out)
    assert words[words.index("--cause") + 1] == hostile
    assert cloud.count()["StartExecution"] == cloud.count()["StopExecution"] == 0


def test_a_start_whose_answer_was_lost_is_asked_for_again_under_its_name(
    cloud: Cloud, eventing: Eventing
) -> None:
    def lose(operation: str) -> None:
        if operation == "StartExecution" and cloud.count()[operation] == 1:
            raise Refused("ExecutionAlreadyExists")

    cloud.after = lose
    assert eventing("triage").code == 0


def test_an_execution_is_followed_through_a_bad_moment_of_aws(
    cloud: Cloud, eventing: Eventing
) -> None:
    def fail(operation: str) -> None:
        if operation in ("DescribeExecution", "GetExecutionHistory"):
            number = cloud.count()[operation]
            if number == 2:
                raise Refused("ThrottlingException")
            if number == 3:
                raise ConnectionClosedError(endpoint_url="https://states")

    cloud.fault = fail
    cloud.runs["r-1"] = Run({"action": "triage"}, {"outcome": "triaged"}, states=["Plan"] * 5)
    assert eventing("follow", "r-1").code == 0


def test_following_ends_when_aws_is_gone_for_too_long(cloud: Cloud, eventing: Eventing) -> None:
    def fail(operation: str) -> None:
        if operation == "DescribeExecution":
            raise Refused("ThrottlingException")

    cloud.fault = fail
    ended = eventing("follow", "r-1")
    assert ended.code == 1
    assert "eventing follow r-1" in ended.err


def test_an_execution_that_is_not_there(eventing: Eventing) -> None:
    ended = eventing("follow", "r-9")

    assert (ended.code, ended.err) == (2, "eventing: There is no execution r-9.\n")


def test_a_run_is_stopped_and_its_report_names_what_continues_it(
    cloud: Cloud, eventing: Eventing
) -> None:
    rest = {"action": "redrive", "stage": "publish", "rate_per_second": 200,
            "filter": {"failed_before": "2026-11-27T15:00:00.000Z"}, "started_by": "dana"}  # fmt: skip
    cloud.runs["r-1"] = Run({"action": "redrive"}, states=["Work off a page"] * 99)
    cloud.keep_report("r-1", outcome="partial", not_taken_up=5, continue_with=rest)
    ended = eventing("stop", "r-1", "--reason", "too fast")

    assert ended.code == 0
    assert dict(cloud.calls)["StopExecution"]["cause"] == "too fast"
    assert "eventing continue r-1" in ended.out

    resumed = eventing("continue", "r-1", "--yes", *WHY, "--rate-per-second", "20", "--topic", "orders",
                       "--json")  # fmt: skip
    assert resumed.code == 0
    (request,) = started(cloud)
    assert request["rate_per_second"] == 20
    assert request["filter"] == {"topic": "orders", "failed_before": "2026-11-27T15:00:00.000Z"}
    assert request["started_by"] == CALLER


def test_what_has_ended_is_not_stopped(cloud: Cloud, eventing: Eventing) -> None:
    cloud.runs["r-1"] = Run({"action": "redrive"}, {"outcome": "done"}, states=[])
    ended = eventing("stop", "r-1")

    assert ended.code == 2
    assert cloud.count()["StopExecution"] == 0


def test_what_left_nothing_over_is_not_continued(cloud: Cloud, eventing: Eventing) -> None:
    cloud.keep_report("r-1")

    assert eventing("continue", "r-1", "--yes", *WHY).code == 2
    assert eventing("continue", "r-2", "--yes", *WHY).code == 2
    assert cloud.count()["StartExecution"] == 0


COMMANDS = [
    ("status",),
    ("letters",),
    ("junk",),
    ("audit",),
    ("triage",),
    ("plan",),
    ("redrive", "--yes", *WHY),
    ("redrive",),
    ("discard", "--stage", "publish", "--topic", "orders", *WHY),
    ("follow", "r-1"),
    ("stop", "r-1"),
    ("continue", "r-2", "--yes", *WHY),
]


CHANGING = ("StartExecution", "StopExecution")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_ctrl_c_at_any_call_leaves_nothing_half_done(
    cloud: Cloud, eventing: Eventing, command: tuple[str, ...]
) -> None:
    _make_ready(cloud)
    assert eventing(*command).code == 0
    asked = [operation for operation, _ in cloud.calls]
    # The index is read in 16 partitions of each state: one of them stands for all.
    first = [n for n, operation in enumerate(asked, 1) if n == 1 or operation != asked[n - 2]]
    for number in first:
        _interrupt(cloud, eventing, command, "before", number)
        # After a call that changes nothing is before the next one.
        if asked[number - 1] in CHANGING:
            _interrupt(cloud, eventing, command, "after", number)


def _make_ready(cloud: Cloud) -> None:
    """An execution runs, another has left something over, and letters are open."""
    cloud.runs = {"r-1": Run({"action": "redrive"}, {"outcome": "done"}, states=["Plan"] * 3)}
    cloud.items, cloud.answers = items(range(3)), ["y", "it is back"]
    cloud.keep_report("r-2", continue_with={"action": "redrive", "stage": "publish"})
    cloud.keep_report("r-1")
    cloud.calls.clear()


def _interrupt(
    cloud: Cloud, eventing: Eventing, command: tuple[str, ...], when: str, number: int
) -> None:
    """Interrupt the command at its call of this number."""
    _make_ready(cloud)

    def interrupt(operation: str) -> None:
        if len(cloud.calls) == number:
            raise KeyboardInterrupt

    setattr(cloud, {"before": "fault", "after": "after"}[when], interrupt)
    ended = eventing(*command)
    last = cloud.calls[-1][0]
    assert ended.code == 3, last
    assert "Traceback" not in ended.err
    begun = cloud.runs.keys() - {"r-1"}
    told = ended.err.splitlines()[-1]
    # Whatever has been begun by then is named, with what follows it.
    for name in begun:
        action = cloud.runs[name].request["action"]
        assert name in ended.err or action == "plan", (last, ended.err)
        if action in ("redrive", "discard"):
            assert f"eventing follow {name}" in told
    if not begun and command[0] not in ("follow", "stop"):
        assert "nothing was changed" in told or "being started" in told
    if command[0] == "stop" and cloud.count()["StopExecution"]:
        assert "eventing follow r-1" in told


def test_ctrl_c_at_the_question_begins_nothing(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(3))
    cloud.answers = [KeyboardInterrupt]
    ended = eventing("redrive")

    assert ended.code == 3
    assert [request["action"] for request in started(cloud)] == ["plan"]


def test_an_incident_is_walked_by_what_each_command_names_next(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.alarms.append(alarm())
    cloud.items += items(range(300))
    cloud.engine = done
    command, walked = "eventing status", []
    while command:
        words = shlex.split(command)[1:]
        walked.append(words[0])
        more = ["--yes", *WHY] if words[0] in ("redrive", "discard") else []
        ended = eventing(*words, *more, "--json")
        assert ended.code == 0
        command = next(iter(ended.document["next"]), "")
    assert walked == ["status", "letters", "plan", "redrive", "status"]
    assert ended.document["health"] == "healthy"
