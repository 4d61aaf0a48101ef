"""Commands that look: status, letters, one letter, junk, audit, report."""

from __future__ import annotations

import json
import random
import shlex
from datetime import timedelta

import pytest

from eventing.timestamps import timestamp
from tests.unit.console.cloud import (
    NOTIFIER,
    NOW,
    OPS,
    SECRET,
    Cloud,
    Run,
    alarm,
    item,
    items,
    plan_of,
)
from tests.unit.console.given import Eventing

OWN_FAULTS = ("INVALID", "NO_ROUTE", "TOO_LARGE", "CONFLICT")


def test_a_healthy_deployment_says_so(eventing: Eventing) -> None:
    told = eventing("status")

    assert told.code == 0
    assert told.out.splitlines()[0] == "eventing in eu-north-1: healthy"
    assert "0 open letters, 0 parked" in told.out
    assert "Next:" not in told.out


def test_an_alarm_is_told_with_what_comes_next(cloud: Cloud, eventing: Eventing) -> None:
    cloud.alarms.append(alarm())
    cloud.items += items(range(3))

    told = eventing("status")

    assert "eventing in eu-north-1: unhealthy" in told.out
    assert "publish-dead-letters, for 5 min: Events could not get past publish\n" in told.out
    assert "  eventing letters --stage publish\n" in told.out
    assert "expires in 179 d" in told.out


def test_status_for_programs(cloud: Cloud, eventing: Eventing) -> None:
    cloud.alarms.append(alarm())
    cloud.items += [*items(range(3)), *items(range(3, 5), state="parked")]
    status = eventing("status", "--json").document

    assert status["health"] == "unhealthy"
    assert (status["deployment"], status["region"]) == ("eventing", "eu-north-1")
    (told,) = status["alarms"]
    assert told["name"] == "publish-dead-letters"
    assert told["users"] == "subscribers don't get these events."
    assert told["runbook"] == "docs/runbook.md#dead-letters"
    assert [group["letters"] for group in status["open"]] == [3]
    assert [group["letters"] for group in status["parked"]] == [2]
    assert status["next"] == ["eventing letters --stage publish", "eventing letters --parked"]


@pytest.mark.parametrize("code", OWN_FAULTS)
def test_a_letter_at_fault_itself_needs_attention(
    cloud: Cloud, eventing: Eventing, code: str
) -> None:
    cloud.items.append(item(1, code=code))

    assert eventing("status", "--json").document["health"] == "needs attention"


@pytest.mark.parametrize(
    "name", ["attention", "ingest-old-dead-letters", "redrive-failed", "redrive-long"]
)
def test_an_alarm_on_what_waits_for_a_person_needs_attention(
    cloud: Cloud, eventing: Eventing, name: str
) -> None:
    cloud.alarms.append(alarm(name))

    assert eventing("status", "--json").document["health"] == "needs attention"


def test_parked_letters_and_a_run_that_waits_for_approval_need_attention(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.items.append(item(1, state="parked"))
    assert eventing("status", "--json").document["health"] == "needs attention"

    cloud.items.clear()
    cloud.runs["r-1"] = Run({"action": "redrive"}, states=["Ask for approval"])
    told = eventing("status", "--json").document
    assert told["health"] == "needs attention"
    assert told["next"] == ["eventing follow r-1"]


def test_letters_of_an_open_dependency_alone_are_not_unhealthy_before_the_alarm_is(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.items.append(item(1))

    assert eventing("status", "--json").document["health"] == "healthy"


def test_the_alarms_of_others_are_not_told(cloud: Cloud, eventing: Eventing) -> None:
    others = f"{NOTIFIER.removesuffix('notifier')}two-notifier"
    cloud.alarms.append(alarm("two-publish-dead-letters", AlarmActions=[others]))
    cloud.alarms.append(alarm("two-notifier-impaired", AlarmActions=[f"{OPS}-two"]))
    cloud.alarms.append(alarm("publish-dlq-messages", AlarmActions=[]))

    assert eventing("status", "--json").document["alarms"] == []


def test_that_the_notifier_fails_is_told_though_it_tells_of_that_itself(
    cloud: Cloud, eventing: Eventing
) -> None:
    text = "Alarms reach you late. Users: none. Next: eventing status Runbook: r#notifier-function"
    cloud.alarms.append(alarm("notifier-impaired", AlarmActions=[OPS], AlarmDescription=text))

    (told,) = eventing("status", "--json").document["alarms"]
    assert (told["name"], told["next"]) == ("notifier-impaired", "see r#notifier-function")


def test_an_alarm_without_letters_is_looked_at_again_before_triage_is_started(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.alarms.append(alarm())

    following = eventing("status", "--json").document["next"]
    assert following == ["eventing status", "eventing triage"]
    assert "within two minutes" in eventing("status").out


def test_what_runs_is_told_with_how_far_it_is(cloud: Cloud, eventing: Eventing) -> None:
    cloud.runs["r-1"] = Run(
        {
            "action": "redrive",
            "stage": "publish",
            "started_by": "dana",
            "reason": "fixed",
            "limit": 1000,
        },
        {"plan": plan_of(1000)},
        states=["Work off a page"],
        position={"next": 400, "failed": 2, "rate": 100.0},
    )
    (told,) = eventing("status", "--json").document["executions"]

    assert told["state"] == "Work off a page"
    assert (told["done"], told["letters"], told["failed"]) == (400, 1000, 2)
    assert told["seconds_left"] == 6


def test_a_run_with_an_input_of_another_version_is_told_all_the_same(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.runs["r-1"] = Run(
        {"action": "redrive", "speed": "ludicrous"},
        {"plan": plan_of(1000)},
        states=["Work off a page"],
        position={"next": 400, "failed": 2, "rate": 100.0},
    )
    (told,) = eventing("status", "--json").document["executions"]

    assert (told["done"], told["letters"]) == (400, 1000)


def test_status_is_one_screen_however_bad_it_is(
    cloud: Cloud, eventing: Eventing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    names = (
        "publish-dead-letters",
        "ingest-dead-letters",
        "undelivered",
        "attention",
        "redrive-long",
    )
    cloud.alarms += [alarm(name, AlarmDescription=f"{'x ' * 200}. y") for name in names]
    for number in range(20):
        cloud.items.append(item(number, fingerprint=f"{number:016}", topic="t" * 300, state="open"))
        cloud.items.append(item(100 + number, fingerprint=f"{number:016}", state="parked"))
        cloud.runs[f"r-{number}"] = Run({"action": "triage"}, states=["Plan"])

    lines = eventing("status").out.splitlines()

    assert len(lines) <= 30
    assert "and 2 more alarms: --json lists them" in lines
    assert "and 18 more executions: --json lists them" in lines


def test_letters_are_grouped_largest_first(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(2), fingerprint="a" * 16, code="NOT_FOUND", topic="payments")
    cloud.items += items(range(2, 7), fingerprint="b" * 16)
    cloud.items += items(
        range(7, 9), fingerprint="c" * 16, stage="ingest", step="store", topic=None
    )

    told = eventing("letters", "--json").document

    assert told["letters"] == 9
    assert [(g["fingerprint"][0], g["letters"]) for g in told["groups"]] == [
        ("b", 5),
        ("a", 2),
        ("c", 2),
    ]
    assert told["groups"][2]["topics"] == {"none": 2}
    assert told["groups"][0]["remedy"] == "a policy or a key was changed: fix it, then redrive"
    assert told["next"][0] == f"eventing plan --stage publish --fingerprint {'b' * 16}"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), {1, 2, 3, 4}),
        (("--stage", "ingest"), {2}),
        (("--cause", "NOT_FOUND"), {3}),
        (("--publisher", "acme-pay"), {4}),
        (("--topic", "payments"), {4}),
        (("--type", "t.v1"), {3}),
        (("--fingerprint", "f" * 16), {2}),
        (("--parked",), {5}),
        (("--stage", "publish", "--publisher", "nobody"), set()),
    ],
)
def test_letters_are_narrowed_by_options(
    cloud: Cloud, eventing: Eventing, options: tuple[str, ...], found: set[int]
) -> None:
    cloud.items += [
        item(1),
        item(2, stage="ingest", step="store", fingerprint="f" * 16),
        item(3, code="NOT_FOUND", type="t.v1"),
        item(4, publisher="acme-pay", topic="payments", state="redriving"),
        item(5, state="parked", episode=3),
        item(6, state="resolved"),
    ]
    told = eventing("letters", "--ids", "--json", *options).document

    assert set(map(int, told["ids"])) == found
    assert told["next"]


def test_a_parked_letter_comes_back_by_its_id_with_more_episodes(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.items.append(item(5, state="parked", episode=3))

    command = eventing("letters", "--parked", "--json").document["next"][-1]

    assert f"--letter-id {5:043} --max-episodes 6" in command


def test_ten_thousand_letters_are_read_from_the_index_alone(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.items += items(range(10_000))

    told = eventing("letters", "--stage", "publish", "--json").document

    assert told["letters"] == 10_000
    # 16 shards of each of two states; no shard has more than a page of a thousand.
    assert cloud.count() == {"DescribeStacks": 1, "Query": 32}


def test_a_shard_of_several_pages_is_read_whole(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items += items(range(17_000))

    assert eventing("letters", "--stage", "publish", "--json").document["letters"] == 17_000
    assert cloud.count()["Query"] > 32


def test_one_letter_is_shown_without_its_event(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items.append(item(7, trace_id="1-abc", episode=2))
    told = eventing("letter", f"{7:043}", "--json").document

    assert (told["state"], told["cause" if "cause" in told else "code"]) == (
        "open",
        "ACCESS_DENIED",
    )
    assert (told["message"], told["trace_id"], told["episode"]) == ("not authorized", "1-abc", 2)
    assert "event" not in told
    asked = dict(cloud.calls)["GetItem"]
    assert "event" not in asked["ExpressionAttributeNames"].values()
    assert "not authorized" in eventing("letter", f"{7:043}").out


@pytest.mark.parametrize("id", ["-" + "r" * 42, "--" + "all-json_" * 4 + "stage", "-" * 43])
def test_an_id_may_begin_with_a_dash(cloud: Cloud, eventing: Eventing, id: str) -> None:
    cloud.items.append(item(7, pk=id, state="parked"))
    for words in (["letter", id, "--json"], ["letter", "--json", id]):
        told = eventing(*words)
        assert (told.code, told.document["letter"]) == (0, id), told.err
    (following,) = told.document["next"]
    started = eventing(*shlex.split(following)[1:], "--detach")
    assert started.code == 0, started.err
    assert json.loads(cloud.calls[-1][1]["input"])["filter"]["letter_ids"] == [id]


def test_an_option_that_there_is_not_is_no_id(eventing: Eventing) -> None:
    assert eventing("letter", "--jsn").code == 2
    assert eventing("letter", "-" + "r" * 42, "--jsn").code == 2


def test_a_letter_that_is_not_there(eventing: Eventing) -> None:
    told = eventing("letter", "x")

    assert (told.code, told.err) == (
        2,
        "eventing: There is no letter x: `eventing letters --ids` lists them.\n",
    )


def test_junk_is_listed_with_its_reasons_and_without_its_bodies(
    cloud: Cloud, eventing: Eventing
) -> None:
    content = {"stage": "publish", "reason": "not JSON: line 1", "body": SECRET}
    for number in range(30):
        cloud.objects[f"junk/publish/{number:02}.json"] = json.dumps(content)

    told = eventing("junk", "--limit", "5")

    assert told.out.splitlines()[0] == "30 messages that are no dead letters"
    assert told.out.count("not JSON: line 1") == 5
    assert cloud.count()["GetObject"] == 5
    assert "body" not in eventing("junk", "--json").out


def test_the_audit_tells_who_and_why(cloud: Cloud, eventing: Eventing) -> None:
    request = {"stage": "publish", "started_by": "dana", "reason": "the policy is back"}
    cloud.keep_report("r-1", request={**request, "action": "redrive"})
    cloud.keep_report("d-1", request={**request, "action": "discard"}, outcome="refused")
    cloud.keep_report("t-1", request={**request, "action": "triage"})
    cloud.keep_report("r-0", request={**request, "action": "redrive"},
                      finished_at="2026-11-27T11:00:00.000Z")  # fmt: skip

    told = eventing("audit", "--since", "4h", "--json").document["audit"]
    assert {entry["execution"] for entry in told} == {"r-1", "d-1"}
    assert {entry["started_by"] for entry in told} == {"dana"}
    assert "the policy is back" in eventing("audit").out
    everything = eventing("audit", "--all", "--json").document["audit"]
    assert {entry["execution"] for entry in everything} == {"r-1", "d-1", "t-1", "r-0"}


def test_a_report_that_was_written_again_is_told_once(cloud: Cloud, eventing: Eventing) -> None:
    cloud.keep_report("r-1", outcome="partial")
    key = "reports/2026-11-27/r-1"
    later = {"outcome": "done", "finished_at": "2026-11-27T15:02:00.000Z"}
    again = json.loads(cloud.objects[f"{key}.json"]) | later
    cloud.objects[f"{key}-2.json"] = json.dumps(again)

    assert [e["outcome"] for e in eventing("audit", "--json").document["audit"]] == ["done"]


def test_the_audit_asks_for_the_days_it_tells_of(cloud: Cloud, eventing: Eventing) -> None:
    eventing("audit", "--since", timestamp(NOW - timedelta(days=2)))

    asked = [params["Prefix"] for name, params in cloud.calls if name == "ListObjectsV2"]
    assert asked == [f"reports/2026-11-{day}/" for day in (27, 26, 25)]


@pytest.mark.parametrize("since", ["yesterday", "7", "2026-11-24", "99999999d"])
def test_a_time_that_is_none_is_a_fault_of_usage(eventing: Eventing, since: str) -> None:
    told = eventing("audit", "--since", since)

    assert told.code == 2
    assert told.err.startswith("eventing: --since ")


def test_a_report_is_shown_with_what_failed_again(cloud: Cloud, eventing: Eventing) -> None:
    failed = {"letter": "k" * 43, "step": "publish", "code": "NOT_FOUND", "message": "no topic"}
    cloud.keep_report("r-1", counts={"failed": 30}, failed_again=[failed] * 30)

    told = eventing("report", "r-1")

    assert told.code == 0
    assert told.out.count("no topic") == 10
    assert "and 20 more: --json lists them" in told.out
    by_arn = "arn:aws:states:eu-north-1:123456789012:execution:eventing-redrive:r-1"
    assert eventing("report", by_arn, "--json").document["counts"] == {"failed": 30}


def test_an_execution_without_a_report(eventing: Eventing) -> None:
    told = eventing("report", "r-9")

    assert told.code == 1
    assert "eventing follow r-9" in told.err


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "arn:aws:states:other:1:execution:x:y", "x" * 81]
)
def test_what_names_no_execution_is_not_looked_for(
    cloud: Cloud, eventing: Eventing, name: str
) -> None:
    assert eventing("report", name).code == 2
    assert cloud.count()["GetObject"] == 0


FOREIGN = "a\u202eb\x1b[31mc\nd[bold]e\u200b\u2028f\U000e0041"


def test_foreign_text_is_shown_escaped(cloud: Cloud, eventing: Eventing) -> None:
    members = {"type": FOREIGN, "topic": FOREIGN, "publisher": FOREIGN, "message": FOREIGN}
    cloud.items.append(item(1, **members))
    cloud.alarms.append(alarm(FOREIGN, AlarmDescription=f"{FOREIGN} Users: {FOREIGN}"))
    cloud.keep_report("r-1", request={"action": "redrive", "stage": "publish", "reason": FOREIGN,
                                      "started_by": FOREIGN}, cause=FOREIGN)  # fmt: skip
    cloud.objects["junk/publish/1.json"] = json.dumps({"reason": FOREIGN})
    for command in (
        ("status",),
        ("letters",),
        ("letters", "--ids"),
        ("letter", f"{1:043}"),
        ("audit",),
        ("report", "r-1"),
        ("junk",),
    ):
        for more in ((), ("--json",)):
            told = eventing(*command, *more)
            assert told.code == 0
            for character in "\u202e\x1b\u200b\u2028\U000e0041":
                assert character not in told.out, command
    assert "[bold]e" in eventing("letter", f"{1:043}").out


def test_shell_syntax_in_a_name_is_quoted_in_a_command(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items.append(item(1, fingerprint="$(reboot) `x`; y"))
    random.seed(1)

    command = eventing("letters", "--json").document["next"][0]

    assert command.endswith("--fingerprint '$(reboot) `x`; y'")
