"""All alarms: what they say, whom they tell, and what they make of missing data."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import pytest

from console.app import main
from console.deployed.alarms import Alarm
from console.deployed.health import health
from console.shell.failure import ExitCode
from eventing import canary
from eventing.alarm_text import AlarmText
from functions.contract import Notice
from infrastructure.packaging import ROOT
from infrastructure.retention import OLD_DAYS, Retention
from tests.infrastructure.synthesis import Json, Synthesis, Template, synthesise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Told by something else than an action: the case of a finding is a message of its own; that an incident was
# reported keeps an alarm from telling of it twice.
SILENT = {
    "eventing-sensitive-data",
    "eventing-ingest-reported",
    "eventing-publish-reported",
    "eventing-attention-reported",
}
NOTIFIER = "eventing-notifier"
# They sum up all others, and no other is made of them.
HEALTH = ("eventing-unhealthy", "eventing-any-alarm")
# Composites without an action: those, and the one that mutes.
QUIET = (*HEALTH, "eventing-canary-reported")
# Of Macie: one for each thing that may keep it from looking, or us from seeing what it finds.
COVERAGE = {
    "eventing-macie-off",
    "eventing-macie-job-stopped",
    "eventing-macie-run-errors",
    "eventing-macie-run-overdue",
    "eventing-findings-unseen",
}
# What these are about waits for a person, while events flow.
WAITING = {
    *COVERAGE,
    "eventing-attention",
    "eventing-archive-impaired",
    "eventing-archive-undelivered",
    "eventing-ingest-old-dead-letters",
    "eventing-publish-old-dead-letters",
    "eventing-redrive-failed",
    "eventing-redrive-long",
    "eventing-receipts-missing",
    "eventing-inquiry-impaired",
    "eventing-yesterday-unproven",
    "eventing-publishers-impaired",
    "eventing-publisher-keys-overdue",
    "eventing-erasures-impaired",
    "eventing-erased-sent-again",
    "eventing-sensitive-data-failed",
}
# Metrics that have data always, and so an alarm that does not take its absence for health.
ALWAYS = {
    "OpenDeadLettersByFault": "ignore",
    "ParkedDeadLetters": "ignore",
    "OldestDeadLetterAge": "ignore",
    "RedriveRunsFailed": "ignore",
    "RedriveRunSeconds": "ignore",
    "EventsUnaccounted": "missing",
    "EventsUnproven": "ignore",
    "EventsPublishedTwice": "ignore",
    "ProofFailed": "ignore",
    "TopicUnheard": "ignore",
    "StreamUnread": "ignore",
    "CopiesUndelivered": "ignore",
    "CanaryDelivered": "breaching",
    "KeysOverdue": "missing",
    "MacieOff": "missing",
    "MacieJobStopped": "ignore",
    "MacieRunErrors": "ignore",
    "ArchiveUnexamined": "ignore",
    "FindingsUnseen": "ignore",
}


def _metric_alarms(template: Template) -> dict[str, Json]:
    found = [alarm.properties for alarm in template.all("AWS::CloudWatch::Alarm")]
    return {alarm["AlarmName"]: alarm for alarm in found}


def _composites(template: Template) -> dict[str, Json]:
    found = [alarm.properties for alarm in template.all("AWS::CloudWatch::CompositeAlarm")]
    return {alarm["AlarmName"]: alarm for alarm in found}


def _parts(composite: Json) -> set[str]:
    return set(re.findall(r'ALARM\("(.*?)"\)', composite["AlarmRule"]))


@cache
def _sections() -> set[str]:
    """The sections of the runbook, as links name them."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


def test_the_ways_that_the_walk_can_fail(regional: Template) -> None:
    functions = ("ingest", "publish", "inquiry", "triage", "counter", "notifier")
    assert set(_metric_alarms(regional)) == {
        *(
            f"eventing-{f}-{what}"
            for f in functions
            for what in ("errors", "throttles", "duration")
        ),
        "eventing-notifier-undelivered",
        # What these raise is in part what operators did wrong: their executions tell.
        *(
            f"eventing-{f}-{what}"
            for f in ("redrive", "publishers", "adopter", "prover", "cases", "eraser")
            for what in ("throttles", "duration")
        ),
        *(f"eventing-{w}" for w in ("events-unproven", "events-published-twice", "proof-failed")),
        "eventing-api-failures",
        "eventing-api-latency",
        "eventing-api-refusals",
        *(
            f"eventing-{t}-{k}-throttles"
            for t in (
                "events-table",
                "receipts",
                "ledger",
                "ledger-index",
                "ledger-event-index",
                "registry",
            )
            for k in ("read", "write")
        ),
        *(f"eventing-archive-{w}" for w in ("late", "throttled", "partitions", "undelivered")),
        "eventing-publish-late",
        "eventing-publish-stream-unread",
        "eventing-receipts-unwritten",
        *(
            f"eventing-topic-{topic}-{what}"
            for topic in ("orders", "orders-priority", "payments", "payments-failed", "customers")
            for what in ("undelivered", "unfilterable", "unheard")
        ),
        *(
            f"eventing-{stage}-{what}"
            for stage in ("ingest", "publish")
            for what in (
                "dead-lettered",
                "dlq-age",
                "open-dead-letters",
                "own-fault-dead-letters",
                "parked-dead-letters",
                "old-dead-letters",
                "reported",
            )
        ),
        "eventing-attention-reported",
        "eventing-canary-undelivered",
        "eventing-redrive-failed",
        "eventing-redrive-long",
        "eventing-events-unaccounted",
        "eventing-sensitive-data",
        "eventing-sensitive-data-execution-failed",
        "eventing-sensitive-data-execution-timed-out",
        "eventing-sensitive-data-finding-not-started",
        "eventing-publisher-keys-overdue",
        "eventing-erasures-unfinished",
        "eventing-erased-sent-again",
        *COVERAGE,
    }


def test_what_sns_drops_for_its_attributes_is_an_alarm_for_every_topic(regional: Template) -> None:
    topics = {t.properties["TopicName"] for t in regional.all("AWS::SNS::Topic")}
    # Nobody subscribes to the canary's, and the canary's own alarm tells of it.
    topics -= {"eventing-ops", f"eventing-topic-{canary.TOPIC}"}
    watched = {
        # As templates in tests name a topic's attribute.
        dimension["Value"].removeprefix("<").removesuffix(".TopicName>")
        for alarm in _metric_alarms(regional).values()
        if alarm.get("MetricName") == "NumberOfNotificationsFilteredOut-InvalidAttributes"
        for dimension in alarm["Dimensions"]
        if (alarm["Threshold"], alarm["Statistic"]) == (0, "Sum")
    }
    assert watched == topics
    parts = _parts(_composites(regional)["eventing-undelivered"])
    assert {f"{topic}-unfilterable" for topic in topics} <= parts


def test_each_says_what_it_means_to_whom_and_which_section_to_open(regional: Template) -> None:
    described = {**_metric_alarms(regional), **_composites(regional)}

    for name, alarm in described.items():
        text = AlarmText.read(alarm["AlarmDescription"])
        address, _, section = text.runbook.partition("#")
        assert address == "docs/runbook.md"
        assert section in _sections(), name
        assert (text.users and text.next) or name.endswith("-reported"), name
        # Of CloudWatch (PutMetricAlarm).
        assert 60 < len(alarm["AlarmDescription"]) <= 1024


def test_an_alarms_mail_is_headed_by_a_few_words(regional: Template) -> None:
    described = {**_metric_alarms(regional), **_composites(regional)}
    headlines = {
        n: AlarmText.read(described[n]["AlarmDescription"]).headline for n in _notifying(regional)
    }

    for name, headline in headlines.items():
        assert 15 < len(headline) <= 75, name
        assert headline.isascii()
    assert len(set(headlines.values())) == len(headlines)


def test_every_alarms_mail_is_in_the_guide(named: Mapping[int, Synthesis]) -> None:
    text = (ROOT / "docs" / "mails.md").read_text()
    listed = re.findall(r"^\| `([\w-]+)` \| ([A-Z].*?) \| `(.*?)` \|$", text, re.MULTILINE)
    # It has those on other regions as well.
    regional = named[2].regional()
    described = {**_metric_alarms(regional), **_composites(regional)}
    texts = {n: AlarmText.read(described[n]["AlarmDescription"]) for n in _notifying(regional)}

    def shown(name: str) -> str:
        return name.replace("eu-west-1", "REGION")

    assert {f"eventing-{name}": (headline, next) for name, headline, next in listed} == {
        shown(name): (shown(one.headline), one.next) for name, one in texts.items()
    }


def test_commands_that_alarms_name_are_there(regional: Template) -> None:
    described = {**_metric_alarms(regional), **_composites(regional)}
    commands = {AlarmText.read(a["AlarmDescription"]).next for a in described.values()} - {""}

    assert len(commands) > 4
    for command in commands:
        assert main([*command.split(), "--help"]) == ExitCode.DONE, command
    assert main(["letters", "--no-such-option", "--help"]) == ExitCode.USAGE


def test_what_dashboards_link_to_in_the_runbook_is_there(regional: Template) -> None:
    bodies = [d.properties["DashboardBody"] for d in regional.all("AWS::CloudWatch::Dashboard")]
    linked = set(re.findall(r"docs/runbook\.md#([\w-]+)", " ".join(bodies)))

    assert len(linked) > 5
    assert linked <= _sections()


def test_only_composites_and_alarms_that_stand_alone_have_actions(regional: Template) -> None:
    composites, alarms = _composites(regional), _metric_alarms(regional)
    joined = {part for name, c in composites.items() if name not in QUIET for part in _parts(c)}

    for name, alarm in alarms.items():
        silent = name in joined or name in SILENT
        assert alarm.get("AlarmActions", []) == ([] if silent else [NOTIFIER]), name
        assert "OKActions" not in alarm
    for name, composite in composites.items():
        # What tells that the notifier fails does not do so by the notifier.
        action = "eventing-ops" if name == "eventing-notifier-impaired" else NOTIFIER
        expected = [] if name in QUIET else [action]
        assert composite.get("AlarmActions", []) == expected, name


def _notifying(template: Template) -> set[str]:
    """Those that send operators a message, and what is not told by an action."""
    alarms = {**_metric_alarms(template), **_composites(template)}
    return {name for name, alarm in alarms.items() if alarm.get("AlarmActions")}


def test_one_alarm_says_that_events_do_not_flow_as_they_should(regional: Template) -> None:
    unhealthy = _composites(regional)["eventing-unhealthy"]

    # What waits for a person neither sets it off nor keeps it on.
    assert _parts(unhealthy) == _notifying(regional) - WAITING
    assert _notifying(regional) > WAITING
    # One incident sends one message: the alarm that found it has sent that.
    assert not {"AlarmActions", "OKActions"} & unhealthy.keys()


def test_that_all_is_well_is_told_only_when_nothing_waits_either(regional: Template) -> None:
    composites = _composites(regional)

    # A finding ends by itself within minutes, and nothing is well by that.
    assert _parts(composites["eventing-any-alarm"]) == _notifying(regional)
    assert "AlarmActions" not in composites["eventing-any-alarm"]


def test_the_command_line_calls_unhealthy_what_the_alarm_does(regional: Template) -> None:
    prefix, since = "eventing-", datetime(2026, 11, 27, tzinfo=UTC)
    unhealthy = _parts(_composites(regional)["eventing-unhealthy"])

    for name in _notifying(regional):
        alarm = Alarm(name.removeprefix(prefix), since, "", "", "", "")
        word = health([alarm], [], [], [])
        assert word == ("unhealthy" if name in unhealthy else "needs attention"), name


def test_what_waits_for_a_person_keeps_an_alarm_on_and_is_told(regional: Template) -> None:
    attention = _composites(regional)["eventing-attention"]

    assert _parts(attention) == {
        f"eventing-{stage}-{what}-dead-letters"
        for stage in ("ingest", "publish")
        for what in ("parked", "own-fault")
    }
    assert attention["AlarmActions"] == [NOTIFIER]


def test_a_publishers_bad_events_neither_set_off_nor_mute_what_is_about_the_flow(
    regional: Template,
) -> None:
    alarms, composites = _metric_alarms(regional), _composites(regional)

    def metrics(name: str) -> Iterator[Json]:
        for part in _parts(composites[name]) if name in composites else ():
            yield from metrics(part)
        if name in alarms:
            yield alarms[name]

    muting = [c["ActionsSuppressor"] for c in composites.values() if "ActionsSuppressor" in c]
    watched = [*metrics("eventing-unhealthy"), *(a for name in muting for a in metrics(name))]
    letters = [a for a in watched if "Dead" in a["MetricName"]]

    assert len(letters) > 4
    for alarm in letters:
        dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
        assert dimensions["fault"] == "system", alarm["AlarmName"]
    # The number of messages in a queue says nothing of their causes, and one a minute keeps it above 0.
    assert not any(a["MetricName"] == "ApproximateNumberOfMessagesVisible" for a in watched)


def test_the_end_is_told_only_after_a_beginning(regional: Template) -> None:
    # A new composite runs its actions on its first evaluation, from INSUFFICIENT_DATA to OK.
    assert all("OKActions" not in alarm for alarm in _composites(regional).values())
    rule = regional.one("AWS::Events::Rule", Name="eventing-well-again").properties
    (target,) = rule["Targets"]

    assert rule["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": ["eventing-any-alarm"],
        "detail": {"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}},
    }
    assert target["Arn"] == NOTIFIER
    template = target["InputTransformer"]["InputTemplate"]
    passed = json.loads(re.sub(r"<[\w-]+>", '"x"', template))
    assert passed == {Notice.KIND: Notice.WELL_AGAIN, "at": "x"}


@pytest.mark.parametrize(
    ("composite", "suppressor"),
    [
        ("ingest-dead-letters", "ingest-reported"),
        ("publish-dead-letters", "publish-reported"),
        ("ingestion-impaired", "ingest-dead-lettered"),
        ("publication-impaired", "publish-dead-lettered"),
        ("attention", "attention-reported"),
        ("canary", "canary-reported"),
    ],
)
def test_what_is_told_already_is_not_told_again(
    regional: Template, composite: str, suppressor: str
) -> None:
    found = _composites(regional)[f"eventing-{composite}"]

    assert found["ActionsSuppressor"] == f"eventing-{suppressor}"
    assert found["ActionsSuppressorWaitPeriod"] >= 60
    # Or a moment without it would be taken for a second incident.
    assert found["ActionsSuppressorExtensionPeriod"] >= 60


def test_that_events_do_not_get_through_is_an_alarm_by_itself(regional: Template) -> None:
    alarm = _metric_alarms(regional)["eventing-canary-undelivered"]
    composites = _composites(regional)

    # What Route 53 can look at, too: no M of N, no metric math, no extended statistic.
    assert (alarm["Period"], alarm["Statistic"]) == (60, "Sum")
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (2, 2)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "eventing"}]
    assert _parts(composites["eventing-canary"]) == {"eventing-canary-undelivered"}
    # Muted while it happens only: letters that wait for days mute nothing, and neither does what one
    # publisher or one subscriber does.
    assert _parts(composites["eventing-canary-reported"]) == {
        "eventing-ingestion-unavailable",
        "eventing-publication-impaired",
        "eventing-ingest-dead-lettered",
        "eventing-publish-dead-lettered",
    }


def test_publishers_that_get_503_are_told_of_whatever_else_goes_on(regional: Template) -> None:
    composites = _composites(regional)
    unavailable = composites["eventing-ingestion-unavailable"]

    # Dead letters that come all the time do not keep it quiet.
    assert "ActionsSuppressor" not in unavailable
    assert _parts(unavailable) == {
        "eventing-api-failures",
        "eventing-ingest-errors",
        "eventing-ingest-throttles",
    }
    rule = composites["eventing-ingestion-impaired"]["AlarmRule"]
    assert rule.endswith('AND (NOT (ALARM("eventing-ingestion-unavailable"))))')


def test_functions_say_who_notices(regional: Template) -> None:
    alarms = _metric_alarms(regional)

    for name, users in {
        "ingest": "publishers are answered 503",
        "publish": "subscribers get events late",
        "triage": "they notice nothing",
        "redrive": "they notice nothing",
        "counter": "they notice nothing",
        "notifier": "they notice nothing",
    }.items():
        assert f"Users: {users}" in alarms[f"eventing-{name}-throttles"]["AlarmDescription"]


def test_missing_data_is_judged_by_the_metric(regional: Template) -> None:
    for name, alarm in _metric_alarms(regional).items():
        expected = ALWAYS.get(alarm["MetricName"], "notBreaching")
        assert alarm["TreatMissingData"] == expected, name


def test_a_counter_that_is_silent_sends_a_message(regional: Template) -> None:
    alarm = _metric_alarms(regional)["eventing-events-unaccounted"]

    assert alarm["InsufficientDataActions"] == [NOTIFIER]
    assert (alarm["Threshold"], alarm["Period"]) == (0, 60)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 3)


def test_that_nobody_looks_at_keys_sends_a_message_where_somebody_should(
    two_regions: Synthesis,
) -> None:
    alarm = _metric_alarms(two_regions.regional("us-east-1"))["eventing-publisher-keys-overdue"]
    rule = two_regions.regional("us-east-1").one(
        "AWS::Events::Rule", Name="eventing-publishers-daily"
    )

    assert alarm["InsufficientDataActions"] == [NOTIFIER]
    assert rule.properties["ScheduleExpression"] == "rate(1 day)"
    # Of CloudWatch: longer than a day only with periods of an hour and more, and never beyond a week.
    assert alarm["Period"] == 3600
    assert 24 < alarm["EvaluationPeriods"] < 48
    assert alarm["DatapointsToAlarm"] == 1
    elsewhere = two_regions.regional("eu-west-1")
    assert "eventing-publisher-keys-overdue" not in _metric_alarms(elsewhere)


def test_thresholds_leave_time_to_act(regional: Template) -> None:
    alarms = _metric_alarms(regional)
    for name in ("ingest", "publish", "triage", "redrive", "counter", "notifier"):
        function = regional.one("AWS::Lambda::Function", FunctionName=f"eventing-{name}")
        longest = alarms[f"eventing-{name}-duration"]["Threshold"] / 1000
        assert 0.5 < longest / function.properties["Timeout"] < 0.9
    # A stream keeps its records for 24 hours.
    assert alarms["eventing-publish-late"]["Threshold"] <= 3_600_000
    assert Retention().open_letters >= OLD_DAYS * 4
    # Publishers are cut off after 29 s.
    assert alarms["eventing-api-latency"]["Threshold"] < 29_000


def test_no_alarm_needs_metric_math(regional: Template) -> None:
    assert all("Metrics" not in alarm for alarm in _metric_alarms(regional).values())


def test_topics_that_expect_nobody_have_no_alarm_for_want_of_somebody(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("unheard")
    catalogue = folder / "catalogue"
    shutil.copytree(ROOT / "catalogue", catalogue)
    topics = json.loads((catalogue / "topics.json").read_text())
    for topic in topics["topics"]:
        topic["subscribers_expected"] = topic["name"] == "orders"
    (catalogue / "topics.json").write_text(json.dumps(topics))
    regional = synthesise(folder / "some", catalogue=str(catalogue), macie="off").regional()
    unheard = [name for name in _metric_alarms(regional) if name.endswith("-unheard")]
    assert unheard == ["eventing-topic-orders-unheard"]
    assert _parts(_composites(regional)["eventing-unheard"]) == set(unheard)

    topics["topics"][1]["subscribers_expected"] = False
    (catalogue / "topics.json").write_text(json.dumps(topics))
    regional = synthesise(folder / "none", catalogue=str(catalogue), macie="off").regional()
    assert not any(
        "unheard" in name for name in {**_metric_alarms(regional), **_composites(regional)}
    )


def test_the_runbook_can_be_anywhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    runbook = "https://example.com/runbook"
    found = synthesise(tmp_path_factory.mktemp("runbook"), runbook=runbook, macie="off")
    alarms = _metric_alarms(found.regional())

    assert all(f"Runbook: {runbook}#" in alarm["AlarmDescription"] for alarm in alarms.values())


def test_without_macie_there_is_no_alarm_on_whether_it_looks(without_macie: Synthesis) -> None:
    assert not COVERAGE & set(_metric_alarms(without_macie.regional()))
