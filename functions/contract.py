"""Every name that the CDK and the functions must agree on, written once.

The CDK makes resources, variables, permissions, alarms and graphs by these names; the functions use them.
Names only, and no import, so that neither side brings the other's libraries along. What the domain itself
decides (stages, causes, problems and their Retry-After, how long a letter is kept, the seconds and memory of
a page that a plan's price is made of) is in `eventing`, which both sides import and which knows no function.
The state machine's file cannot import: `tests/workflows` compares its names with these.
"""


class Variable:
    """Environment variables of the functions."""

    SERVICE = "POWERTOOLS_SERVICE_NAME"
    NAMESPACE = "POWERTOOLS_METRICS_NAMESPACE"
    LOG_LEVEL = "POWERTOOLS_LOG_LEVEL"
    APPROVAL_ABOVE = "APPROVAL_ABOVE"
    API_URL = "API_URL"
    ACCOUNT = "ACCOUNT"
    ARCHIVE_BUCKET = "ARCHIVE_BUCKET"
    CANARY_KEY_ID = "CANARY_KEY_ID"
    CANARY_QUEUE_URL = "CANARY_QUEUE_URL"
    CANARY = "CANARY"
    """There when the deployment has a canary: its catalogue has the canary's topic and event type."""
    BACKUP_DAYS = "BACKUP_DAYS"
    CLOSED_LETTER_DAYS = "CLOSED_LETTER_DAYS"
    COMMAND_OPTIONS = "COMMAND_OPTIONS"
    CONSERVATION_FROM_MINUTES = "CONSERVATION_FROM_MINUTES"
    CONSERVATION_UNTIL_MINUTES = "CONSERVATION_UNTIL_MINUTES"
    CONTROL_PLANE_LIMITED = "CONTROL_PLANE_LIMITED"
    DASHBOARD = "DASHBOARD"
    DELIVERY_STREAM = "DELIVERY_STREAM"
    """There when the archive has one."""
    DEPLOYMENT = "DEPLOYMENT"
    EVENT_RETENTION_DAYS = "EVENT_RETENTION_DAYS"
    FINDINGS_POLICY = "FINDINGS_POLICY"
    """By severity, whether operators are told of a finding or asked as well."""
    GATHER_SECONDS = "GATHER_SECONDS"
    """How long a case waits for further findings on its object before it is examined."""
    EVENTS_TABLE = "EVENTS_TABLE"
    INGEST_DLQ_URL = "INGEST_DLQ_URL"
    LEDGER_TABLE = "LEDGER_TABLE"
    LONGEST_KEPT_DAYS = "LONGEST_KEPT_DAYS"
    MACIE_JOB_ID = "MACIE_JOB_ID"
    NEIGHBOURS = "NEIGHBOURS"
    """By the names of the other regions, where each answers whoever asks for its health: a JSON object."""
    OPEN_LETTER_DAYS = "OPEN_LETTER_DAYS"
    OPERATIONS_BUCKET = "OPERATIONS_BUCKET"
    OPS_TOPIC_ARN = "OPS_TOPIC_ARN"
    PUBLISH_DLQ_URL = "PUBLISH_DLQ_URL"
    PUBLISH_MAPPING = "PUBLISH_MAPPING"
    PUBLISHERS_MACHINE = "PUBLISHERS_MACHINE"
    """The ARN of the state machine that changes publishers, in the primary region."""
    RECEIPTS_TABLE = "RECEIPTS_TABLE"
    REGIONS = "REGIONS"
    REGISTRY_TABLE = "REGISTRY_TABLE"
    RUNBOOK = "RUNBOOK"
    STATE_MACHINE_ARN = "STATE_MACHINE_ARN"
    TOPIC_ARN_PREFIX = "TOPIC_ARN_PREFIX"


# By stage, the address of its dead-letter queue.
DLQ_URLS = {"ingest": Variable.INGEST_DLQ_URL, "publish": Variable.PUBLISH_DLQ_URL}

# The file of a package that tells the code of its `eventing` from any other: what was judged by other rules
# is judged anew.
CODE_DIGEST = "code-digest.txt"


class Notice:
    """What rules pass on to the notifier, in a member `KIND` of the event."""

    KIND = "notice"
    WELL_AGAIN = "well-again"
    """No alarm is on any more, since the member `at`."""


class Dimension:
    """Dimensions of metrics. Publishers are none: a metric for each would cost too much."""

    SERVICE = "service"
    STAGE = "stage"
    CAUSE = "cause"
    FAULT = "fault"
    REGION = "region"
    TOPIC = "topic"


class Metric:
    """Metrics that the functions write; people see these names."""

    EVENTS_ACCEPTED = "EventsAccepted"
    EVENTS_DUPLICATE = "EventsDuplicate"
    EVENTS_REJECTED = "EventsRejected"
    ERASED_SENT_AGAIN = "ErasedEventsSentAgain"
    """Events that a publisher sent again after they were erased: refused, and archived all the same."""
    EVENTS_STORED = "EventsStored"
    EVENTS_PUBLISHED = "EventsPublished"
    PUBLISH_LAG = "PublishLag"
    EVENTS_SETTLED = "EventsSettled"
    RECEIPTS_MISSING = "ReceiptsMissing"
    """Events that SNS has taken and whose receipt may be missing."""
    EVENTS_UNACCOUNTED = "EventsUnaccounted"
    EVENTS_UNPROVEN = "EventsUnproven"
    """Yesterday's events without a receipt or a letter; this and the following are written by its proof."""
    EVENTS_PUBLISHED_TWICE = "EventsPublishedTwice"
    """Yesterday's events that two regions have published."""
    PROOF_FAILED = "ProofFailed"
    """1 when a proof came to no end, 0 when one of yesterday was made."""
    DEAD_LETTERED = "DeadLettered"
    OPEN_DEAD_LETTERS = "OpenDeadLetters"
    OLDEST_DEAD_LETTER_AGE = "OldestDeadLetterAge"
    OPEN_BY_FAULT = "OpenDeadLettersByFault"
    PARKED_DEAD_LETTERS = "ParkedDeadLetters"
    OLDEST_PARKED_AGE = "OldestParkedDeadLetterAge"
    FIRST_PARKED_EXPIRY = "FirstParkedDeadLetterExpiry"
    INCIDENT_REPORTED = "IncidentReported"
    ATTENTION_REPORTED = "AttentionReported"
    STREAM_UNREAD = "StreamUnread"
    TOPIC_UNHEARD = "TopicUnheard"
    COPIES_UNDELIVERED = "CopiesUndelivered"
    """Objects below `Objects.UNDELIVERED`, counted up to the first thousand."""
    REDRIVE_SUCCEEDED = "RedriveSucceeded"
    REDRIVE_FAILED = "RedriveFailed"
    REDRIVE_RUNS_FAILED = "RedriveRunsFailed"
    REDRIVE_RUN_SECONDS = "RedriveRunSeconds"
    SUMMARY_UNWRITTEN = "SummaryUnwritten"
    ERASURES_UNFINISHED = "ErasuresUnfinished"
    """Erasures that came to no end, or left something that they should have reached."""
    KEYS_OVERDUE = "KeysOverdue"
    """Keys of publishers that still work long after their date; written by each day's look at keys."""
    MACIE_OFF = "MacieOff"
    """1 while Macie is off, else 0; this and the following are written by each hour's look at Macie."""
    MACIE_JOB_STOPPED = "MacieJobStopped"
    """1 while the daily job is paused, cancelled or gone, else 0."""
    MACIE_RUN_ERRORS = "MacieRunErrors"
    """1 when the job's last run could not process all that it should, else 0."""
    ARCHIVE_UNEXAMINED = "ArchiveUnexamined"
    """Seconds: what was archived for so long may not have been examined."""
    FINDINGS_UNSEEN = "FindingsUnseen"
    """Findings that nobody had taken up an hour after they were made."""
    CANARY_DELIVERED = "CanaryDelivered"
    """1 for an event of the canary that came back in time, 0 for one that did not."""
    CANARY_LATENCY = "CanaryLatency"
    """Milliseconds from the first byte of the request to the message at the subscriber."""
    NEIGHBOUR_ANSWERED = "NeighbourAnswered"
    """1 for another region whose gateway answered this one's canary, 0 for one that did not."""


# The sets of dimensions that each metric is written under, all of them together with `service`.
_BY_STAGE = ((Dimension.STAGE,),)
_BY_FAULT = (Dimension.STAGE, Dimension.FAULT)
_BY_TOPIC = ((), (Dimension.TOPIC,))
DIMENSIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    Metric.EVENTS_ACCEPTED: ((),),
    Metric.EVENTS_DUPLICATE: ((),),
    Metric.EVENTS_REJECTED: ((),),
    Metric.ERASED_SENT_AGAIN: ((),),
    Metric.EVENTS_STORED: ((),),
    Metric.EVENTS_PUBLISHED: _BY_TOPIC,
    Metric.PUBLISH_LAG: _BY_TOPIC,
    Metric.EVENTS_SETTLED: ((),),
    Metric.RECEIPTS_MISSING: ((),),
    Metric.EVENTS_UNACCOUNTED: ((),),
    Metric.EVENTS_UNPROVEN: ((),),
    Metric.EVENTS_PUBLISHED_TWICE: ((),),
    Metric.PROOF_FAILED: ((),),
    Metric.DEAD_LETTERED: (*_BY_STAGE, (Dimension.STAGE, Dimension.CAUSE), _BY_FAULT),
    Metric.OPEN_DEAD_LETTERS: _BY_STAGE,
    Metric.OLDEST_DEAD_LETTER_AGE: _BY_STAGE,
    Metric.OPEN_BY_FAULT: (_BY_FAULT,),
    Metric.PARKED_DEAD_LETTERS: _BY_STAGE,
    Metric.OLDEST_PARKED_AGE: _BY_STAGE,
    Metric.FIRST_PARKED_EXPIRY: _BY_STAGE,
    Metric.INCIDENT_REPORTED: _BY_STAGE,
    Metric.ATTENTION_REPORTED: ((),),
    Metric.STREAM_UNREAD: ((),),
    Metric.TOPIC_UNHEARD: ((Dimension.TOPIC,),),
    Metric.COPIES_UNDELIVERED: ((),),
    Metric.REDRIVE_SUCCEEDED: ((),),
    Metric.REDRIVE_FAILED: ((),),
    Metric.REDRIVE_RUNS_FAILED: ((),),
    Metric.REDRIVE_RUN_SECONDS: ((),),
    Metric.SUMMARY_UNWRITTEN: ((),),
    Metric.ERASURES_UNFINISHED: ((),),
    Metric.KEYS_OVERDUE: ((),),
    Metric.MACIE_OFF: ((),),
    Metric.MACIE_JOB_STOPPED: ((),),
    Metric.MACIE_RUN_ERRORS: ((),),
    Metric.ARCHIVE_UNEXAMINED: ((),),
    Metric.FINDINGS_UNSEEN: ((),),
    Metric.CANARY_DELIVERED: ((),),
    Metric.CANARY_LATENCY: ((),),
    Metric.NEIGHBOUR_ANSWERED: ((Dimension.REGION,),),
}


class Objects:
    """Prefixes of the keys of objects, by what is in them."""

    RUNS = "redrive/"
    """In the operations bucket: plans, results and counts of an execution."""
    CONCLUDED = "concluded.json"
    """Among those of an execution: written last, with the place of its report."""
    CASES = "cases/"
    """In the operations bucket: findings of sensitive data, by the cases that they make, and what became of
    each: no event."""
    FINDINGS = "findings/"
    """In the operations bucket: the case of each finding that was taken up, by the finding's id."""
    APPROVALS = "approvals/"
    """In the operations bucket: plans that wait for an approval, each with the token of its task."""
    REPORTS = "reports/"
    """In the operations bucket: what operators read of an execution."""
    JUNK = "junk/"
    """In the operations bucket: messages of a dead-letter queue that are no dead letters."""
    RESUBMITTED = "resubmitted/"
    """In the operations bucket: marks of junk that was resubmitted, by the junk's own names."""
    INVOCATION_RECORDS = "aws/lambda/"
    """In the operations bucket: Lambda's own choice (developer guide, "Retain discarded records")."""
    EVENTS = "publisher="
    """In the archive: a publisher's events, so that a finding's object names the publisher."""
    UNDELIVERED = "undelivered/"
    """In the archive: what Firehose could not put where the events are."""


class Rows:
    """Prefixes of the keys of those rows of the ledger that are no letters, or whole keys."""

    ALLOWANCE = "allowance#"
    AUDIT = "audit#"
    INCIDENT = "incident#"
    LOCK = "lock#"
    TRIAGE_LOCK = "triage#"
    TELL_LOCK = "tell#"
    SUMMARY = "summary"
    """The whole key of the one row that the dashboard reads."""


QUARANTINE = "quarantine"
"""The tag of an object of the archive that is under quarantine; its value is the case."""


STANDING = "/me"
"""The resource of the API that tells a publisher where it stands."""
HEALTH = "/health"
"""The resource of the API that tells anybody that the gateway answers, and nothing else."""


class RegistryRows:
    """Prefixes of the keys of the registry's rows, or whole keys."""

    PUBLISHER = "publisher#"
    DOORKEEPER = "doorkeeper"
    """The whole key of the one row that ingestion reads."""
    REGION = "region#"
    """The API of a region: `api_id` and `stage`."""
    LOCK = "lock#"
    TURNS = "turns#"
    """When API Gateway's control plane takes the next call in a region."""


# How IAM writes the key of any letter in the ledger, a SHA-256 as base64url: no other row has a key as long.
LETTER_KEYS = "?" * 43


# All that functions may read of an event in the Events table: whether it is there, the same, or erased.
EVENT_KEY_MEMBERS = ("pk", "digest", "accepted_at", "erased_at")
# All that the eraser may read of it: what finds its copies, and never the event.
ERASER_MEMBERS = ("pk", "type", "digest", "accepted_at", "erased_at")
# All that is read of each event to find those that a region has not published.
FOUND_MEMBERS = ("pk", "publisher", "origin_region", "accepted_at", "digest")
# All that is read of an event to tell its publisher what became of it.
STORED_MEMBERS = ("accepted_at", "origin_region", "digest", "erased_at")
# All that operators may read of it.
EVENT_MEMBERS = (*STORED_MEMBERS, "type", "expires_at")

# All that operators may read of a letter in the ledger: what it failed by, and never the event.
LETTER_MEMBERS = (
    *("state", "stage", "step", "publisher", "type", "topic", "code", "resource", "message"),
    *("fingerprint", "accepted_at", "failed_at", "original_accepted_at", "original_failed_at"),
    *("episode", "expires_at", "run", "trace_id"),
)

LEDGER_INDEX = "by_state"
# What the index holds of a letter beside its keys: all that plans and counts ask, and never the event,
# so that reading the index costs the same whatever the size of the events.
LEDGER_INDEX_MEMBERS = (
    *("stage", "step", "state", "version", "publisher", "type", "topic", "target", "code"),
    *("fingerprint", "accepted_at", "episode", "event_key", "digest", "verdict", "judged_by"),
    *("run", "size", "expires_at"),
)

# By the key of the event in the Events table: only letters have one.
LEDGER_EVENT_INDEX = "by_event"
# What it holds of a letter: what its publisher is told of it, and what tells whether it is that event's.
LETTER_STATE_MEMBERS = (
    *("stage", "step", "state", "code", "digest"),
    *("accepted_at", "failed_at", "topic", "closed_at"),
)


class Refusal:
    """Errors of tasks that are refusals of what was asked; exceptions of the functions have these names."""

    APPROVAL_NEEDED = "ApprovalNeeded"
    INVALID_INPUT = "InvalidInput"
    LOCKED = "Locked"
    PLAN_CHANGED = "PlanChanged"


DEPENDENCY_DOWN = "DependencyDown"
"""The error of a task that a dependency keeps from going on; no refusal, but a failure."""
COUNTER = "counter"
"""Who starts the triages that the counter starts."""
# Those that an execution fails with.
EXECUTION_REFUSALS = (Refusal.INVALID_INPUT, Refusal.LOCKED, Refusal.PLAN_CHANGED)
