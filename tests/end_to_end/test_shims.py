"""Each shim is needed, and works: without it the emulator behaves unlike AWS, with it like AWS.

A test that is red for the emulator without shims says that the emulator has learnt it: delete the shim.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import uuid
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from local.cloud import ACCOUNT, LOCAL, ROOT, LocalCloud
from tests.end_to_end.conftest import eventually
from tests.end_to_end.lab import Lab, policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod/"
# Something that the stock emulator does not do is looked for this long.
NEVER_SECONDS = 2.5


def _code(call: Callable[[], Any]) -> str:
    """The code of the call's error, or `ok`."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def _within(get: Callable[[], Any]) -> Any:
    """What `get` finds as soon as it finds anything, or the last that it found."""
    deadline = time.monotonic() + NEVER_SECONDS
    while not (found := get()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


# What is observed of each


def proxy_event_names_the_api_key(lab: Lab) -> Any:
    """Whether the function learns the key's id and value."""
    identity = 'json.dumps(event["requestContext"]["identity"])'
    api = lab.api(lab.function(f'return {{"statusCode": 200, "body": {identity}}}'))
    found = json.loads(api.post()[1])
    return found.get("apiKeyId") == api.key_id, found.get("apiKey") == api.key


def integration_failure_is_a_gateway_response(lab: Lab) -> Any:
    """The answers for functions that raise or return nonsense, whose gateway response is a 503."""
    raising = lab.api(lab.function('raise ValueError("secret")')).post()
    nonsense = lab.api(lab.function('return {"no": "status"}')).post()
    return raising[0], "secret" in raising[1], nonsense[0]


def gateway_responses_know_the_extended_request_id(lab: Lab) -> Any:
    """The status without a valid key, and whether the answer has an id."""
    api = lab.api(lab.function('return {"statusCode": 200, "body": ""}'))
    status, body = replace(api, key="wrong").post()
    return status, "$context" not in json.loads(body)["id"]


def disabled_api_key_is_refused(lab: Lab) -> Any:
    """The status for a key that was disabled."""
    api = lab.api(lab.function('return {"statusCode": 200, "body": ""}'))
    operation = {"op": "replace", "path": "/enabled", "value": "false"}
    lab.client("apigateway").update_api_key(apiKey=api.key_id, patchOperations=[operation])
    return api.post()[0]


def regions_may_have_the_same_api_key(lab: Lab) -> Any:
    """The status for a key that another region has as well."""
    api = lab.api(lab.function('return {"statusCode": 200, "body": ""}'))
    here, value = lab.client("apigateway"), lab.name().replace("-", "").ljust(20, "x")
    first, second = (
        gateway.create_api_key(name=value, value=value, enabled=True)["id"]
        for gateway in (lab.cloud.client("apigateway", "eu-west-1"), here)
    )
    (plan,) = (
        plan["id"]
        for plan in here.get_usage_plans()["items"]
        for key in here.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
        if key["id"] == api.key_id
    )
    here.create_usage_plan_key(usagePlanId=plan, keyId=second, keyType="API_KEY")
    assert first != second
    return replace(api, key=value).post()[0]


def stages_of_a_usage_plan_come_and_go(lab: Lab) -> Any:
    """The stages of a plan that got a second one, and lost the first."""
    gateway = lab.client("apigateway")
    first = {"apiId": "one", "stage": "prod"}
    plan = gateway.create_usage_plan(name=lab.name(), apiStages=[first])["id"]
    moves = [
        {"op": operation, "path": "/apiStages", "value": f"{api}:prod"}
        for operation, api in (("add", "two"), ("remove", "one"))
    ]
    gateway.update_usage_plan(usagePlanId=plan, patchOperations=moves)
    left = gateway.get_usage_plan(usagePlanId=plan).get("apiStages", [])
    return [stage["apiId"] for stage in left]


def global_table_settings_from_cloudformation(lab: Lab) -> Any:
    """Replicas, and whether TTL and point-in-time recovery are on."""
    name = lab.name()
    recovery = {"PointInTimeRecoveryEnabled": True}
    properties = {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        "Replicas": [
            {"Region": region, "PointInTimeRecoverySpecification": recovery}
            for region in ("us-east-1", "eu-west-1")
        ],
    }
    stack = lab.stack(Table={"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties})
    assert lab.settled(stack) == "CREATE_COMPLETE"
    dynamodb = lab.client("dynamodb")
    replicas = dynamodb.describe_table(TableName=name)["Table"].get("Replicas", [])
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery_status = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    regions = {replica["RegionName"] for replica in replicas}
    return "eu-west-1" in regions, ttl["TimeToLiveStatus"], recovery_status


def existing_global_table_is_in_the_way_or_imported(lab: Lab) -> Any:
    """The status of a stack with a table that exists; how many items one that is imported has."""
    name = lab.table()
    lab.client("dynamodb").put_item(TableName=name, Item={"pk": {"S": "1"}})
    table = {
        "Type": "AWS::DynamoDB::GlobalTable",
        "DeletionPolicy": "Retain",
        "Properties": {
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "Replicas": [{"Region": lab.cloud.region}],
        },
    }
    lab.settled(lab.importing_stack(Table=table))
    count = lab.client("dynamodb").scan(TableName=name, Select="COUNT")["Count"]
    return lab.settled(lab.stack(Table=table)), count


def imported_bucket_is_not_in_the_way(lab: Lab) -> Any:
    """The status of a stack that imports a bucket, and of one that makes it."""
    name = lab.name()
    lab.client("s3").create_bucket(Bucket=name)
    bucket = {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "Properties": {"BucketName": name},
    }
    importing, making = lab.importing_stack(Bucket=bucket), lab.stack(Bucket=bucket)
    return lab.settled(importing), lab.settled(making)


def partiql_insert_is_a_write_like_any_other(lab: Lab) -> Any:
    """What an insert by PartiQL answers to who may insert, and how many records the stream gets."""
    table = lab.table()
    arn = f"arn:aws:dynamodb:{lab.cloud.region}:{ACCOUNT}:table/{table}"
    statement = {
        "Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': ?}}",
        "Parameters": [{"S": "1"}],
    }
    client = lab.as_role("dynamodb", ("dynamodb:PartiQLInsert", arn))
    code = _code(lambda: client.batch_execute_statement(Statements=[statement]))
    if code != "ok":
        lab.client("dynamodb").batch_execute_statement(Statements=[statement])
    streams, stream = lab.client("dynamodbstreams"), lab.stream(table)
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return code, len(streams.get_records(ShardIterator=iterator)["Records"])


def stream_mapping_retries_and_gives_up(lab: Lab) -> Any:
    """How often a record that fails is tried with one retry, and whether it gets to the destination."""
    table, (failed, failed_arn), (tried, _) = lab.table(), lab.queue(), lab.queue()
    function = lab.function(
        "import boto3; bad = []\n"
        "    for record in event['Records']:\n"
        "        key = record['dynamodb']['Keys']['pk']['S']\n"
        f"        boto3.client('sqs').send_message(QueueUrl={tried!r}, MessageBody=key)\n"
        "        bad += [record['dynamodb']['SequenceNumber']] if key == 'bad' else []\n"
        "    return {'batchItemFailures': [{'itemIdentifier': number} for number in bad]}"
    )
    lambdas, dynamodb = lab.client("lambda"), lab.client("dynamodb")
    mapping = lambdas.create_event_source_mapping(
        EventSourceArn=lab.stream(table),
        FunctionName=function,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": failed_arn}},
    )
    seen: list[str] = []
    for key in ("bad", "good"):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": key}})
    # In order: when the second has come, all is done about the first.
    eventually(lambda: seen.extend(lab.received(tried, seconds=1)), lambda _: "good" in seen)
    lambdas.delete_event_source_mapping(UUID=mapping["UUID"])
    return seen.count("bad"), len(lab.received(failed))


def javascript_sdk_lists_its_exports(lab: Lab) -> Any:
    """What of the SDK a function in Node.js can find by going through it."""
    return lab.invoke(
        lab.function(
            "exports.handle = async () => {\n"
            "  const sdk = require('@aws-sdk/client-dynamodb');\n"
            "  return Object.keys(sdk).filter(name => name === 'DescribeTableCommand');\n"
            "};",
            runtime="nodejs22.x",
        )
    )


def raised_exception_keeps_its_name(lab: Lab) -> Any:
    """The type of the error that an exception of a function becomes."""
    return lab.invoke(lab.function('raise KeyError("x")'))["errorType"]


def addresses_of_apis_lead_here(lab: Lab) -> Any:
    """What a function finds in its environment for the address of an API."""
    name = lab.function('import os; return os.environ["API"]')
    lab.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": {"API": API}}
    )
    return lab.invoke(name).removeprefix(lab.cloud.endpoint_url)


def embedded_metrics_in_logs_become_metrics(lab: Lab) -> Any:
    """How many metrics there are of what a function has written into its log, and when they are of."""
    at, space = int(time.time()) - 3600, lab.name()
    directive = {"Namespace": space, "Dimensions": [[]], "Metrics": [{"Name": "Sold"}]}
    line = {"_aws": {"Timestamp": at * 1000, "CloudWatchMetrics": [directive]}, "Sold": 3}
    lab.invoke(lab.function(f"print({json.dumps(line)!r})"))
    points = lab.client("cloudwatch").get_metric_statistics(
        Namespace=space,
        MetricName="Sold",
        StartTime=at - 60,
        EndTime=at + 60,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return [point["Sum"] for point in points]


def alarm_evaluation(lab: Lab) -> Any:
    """The state of an alarm on queue B when only queue A has messages."""
    cloudwatch, name = lab.client("cloudwatch"), lab.name()
    _put_alarm(lab, name, "B")
    metric = {"MetricName": "Depth", "Dimensions": [{"Name": "Queue", "Value": "A"}], "Value": 1}
    cloudwatch.put_metric_data(Namespace="Test", MetricData=[metric])
    return cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] == "ALARM"


def _put_alarm(lab: Lab, name: str, queue: str, **more: Any) -> None:
    lab.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="Depth",
        Dimensions=[{"Name": "Queue", "Value": queue}],
        Period=60,
        EvaluationPeriods=1,
        Statistic="Maximum",
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        # Nothing changes by itself.
        TreatMissingData="ignore",
        **more,
    )


def alarm_changes_are_events(lab: Lab) -> Any:
    """What a rule sees of an alarm's change, before an event that is sent after it."""
    events, name, (url, arn) = lab.client("events"), lab.name(), lab.queue()
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.cloudwatch", "test"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    _put_alarm(lab, name, name)
    lab.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="t")
    events.put_events(Entries=[{"Source": "test", "DetailType": "last", "Detail": "{}"}])
    seen: list[Any] = []

    def receive() -> list[Any]:
        seen.extend(map(json.loads, lab.received(url, seconds=1)))
        return seen

    eventually(receive, lambda _: "last" in [event["detail-type"] for event in seen])
    events.remove_targets(Rule=name, Ids=["1"])
    return [event["detail"]["alarmName"] == name for event in seen if event["source"] != "test"]


def alarms_invoke_functions(lab: Lab) -> Any:
    """What functions are told of an alarm and of a composite one, which only the first describes."""
    cloudwatch, logs = lab.client("cloudwatch"), lab.client("logs")
    data = 'event["alarmData"]'
    told = f'[{data}["state"]["value"], "description" in {data}["configuration"]]'
    function = lab.function(f'print(json.dumps({{{data}["alarmName"]: {told}}}))')
    arn = lab.client("lambda").get_function_configuration(FunctionName=function)["FunctionArn"]
    cause, composite = lab.name(), lab.name()
    _put_alarm(lab, cause, cause, AlarmDescription="x", AlarmActions=[arn])
    cloudwatch.put_composite_alarm(
        AlarmName=composite,
        AlarmRule=f"ALARM({cause})",
        AlarmDescription="x",
        AlarmActions=[arn],
    )
    cloudwatch.set_alarm_state(AlarmName=cause, StateValue="ALARM", StateReason="t")

    def seen() -> list[Any]:
        found: dict[str, Any] = {}
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except ClientError:
            return []  # it has not run yet
        for event in events:
            if event["message"].startswith("{"):
                found |= json.loads(event["message"])
        return [found[name] for name in (cause, composite)] if len(found) == 2 else []

    return _within(seen)


def composite_alarms_from_cloudformation(lab: Lab) -> Any:
    """Whether a stack with a composite alarm comes to be."""
    rule = {"AlarmRule": "FALSE"}
    resource = {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": rule}
    try:
        return lab.settled(lab.stack(Alarm=resource)) == "CREATE_COMPLETE"
    except ClientError:
        return False


def suppressed_actions_wait(lab: Lab) -> Any:
    """Whether a composite acts at once although its suppressor is in ALARM."""
    sns, cloudwatch, (url, queue) = lab.client("sns"), lab.client("cloudwatch"), lab.queue()
    topic = sns.create_topic(Name=lab.name())["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    cause, suppressor = lab.name(), lab.name()
    for alarm in (cause, suppressor):
        _put_alarm(lab, alarm, alarm)
    arn = cloudwatch.describe_alarms(AlarmNames=[suppressor])["MetricAlarms"][0]["AlarmArn"]
    cloudwatch.put_composite_alarm(
        AlarmName=lab.name(),
        AlarmRule=f"ALARM({cause})",
        AlarmActions=[topic],
        ActionsSuppressor=arn,
        ActionsSuppressorWaitPeriod=60,
        ActionsSuppressorExtensionPeriod=60,
    )
    for alarm in (suppressor, cause):
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="t")
    # An action is performed before SetAlarmState answers.
    return len(lab.received(url, seconds=1))


def queue_metrics_and_alarm_clock(lab: Lab) -> Any:
    """Those of a queue's depth and age that become metrics, by themselves."""
    url, arn = lab.queue()
    lab.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    queue = {"Name": "QueueName", "Value": arn.rpartition(":")[2]}

    def metrics() -> list[str]:
        listed = lab.client("cloudwatch").list_metrics(Namespace="AWS/SQS", Dimensions=[queue])
        names = {metric["MetricName"] for metric in listed["Metrics"]}
        return sorted(
            names & {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}
        )

    return len(_within(metrics))


def services_measure_themselves(lab: Lab) -> Any:
    """The services that count what they have done."""
    lab.api(lab.function('return {"statusCode": 200, "body": ""}')).post()
    sns, (_, queue) = lab.client("sns"), lab.queue()
    topic = sns.create_topic(Name=lab.name())["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="x")
    _executed(lab, {"Type": "Pass", "End": True})
    counted = (
        ("AWS/ApiGateway", "Count"),
        ("AWS/SNS", "NumberOfNotificationsDelivered"),
        ("AWS/States", "ExecutionsSucceeded"),
    )
    cloudwatch = lab.client("cloudwatch")
    return [
        namespace
        for namespace, metric in counted
        if cloudwatch.list_metrics(Namespace=namespace, MetricName=metric)["Metrics"]
    ]


def topics_count_their_messages(lab: Lab) -> Any:
    """What a topic counts of messages that are filtered out, or that nobody is there for."""
    sns, (_, queue) = lab.client("sns"), lab.queue()
    topic = sns.create_topic(Name=lab.name())["TopicArn"]
    sns.publish(TopicArn=topic, Message="x")
    policy = json.dumps({"kind": ["other"]})
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"FilterPolicy": policy}
    )
    sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[{"Id": str(n), "Message": "x"} for n in range(2)],
    )
    name = {"Name": "TopicName", "Value": topic.rpartition(":")[2]}
    statistics = lab.client("cloudwatch").get_metric_statistics
    now = time.time()
    span = {"StartTime": now - 300, "EndTime": now + 60, "Period": 600, "Statistics": ["Sum"]}
    return [
        sum(
            point["Sum"]
            for point in statistics(
                Namespace="AWS/SNS", MetricName=metric, Dimensions=[name], **span
            )["Datapoints"]
        )
        for metric in ("NumberOfMessagesPublished", "NumberOfNotificationsFilteredOut")
    ]


def attributes_hold_only_what_sns_carries(lab: Lab) -> Any:
    """The answers to a message, and to a batch of two, of which one has an emoji in an attribute."""
    sns = lab.client("sns")
    topic = sns.create_topic(Name=lab.name())["TopicArn"]

    def message(text: str) -> dict[str, Any]:
        attribute = {"DataType": "String", "StringValue": text}
        return {"Message": "\U0001f3e0", "MessageAttributes": {"subject": attribute}}

    entries = [{"Id": n, **message(text)} for n, text in (("1", "größe 客"), ("2", "\U0001f3e0"))]
    batch = {"TopicArn": topic, "PublishBatchRequestEntries": entries}
    return (
        _code(lambda: sns.publish(TopicArn=topic, **message("größe 客"))),
        _code(lambda: sns.publish(TopicArn=topic, **message("\U0001f3e0"))),
        _code(lambda: sns.publish_batch(**batch)),
    )


def http_notifications_name_their_topic(lab: Lab) -> Any:
    """Whether a subscriber's endpoint finds the topic in a header: confirming, wrapped and raw."""
    received: Queue[tuple[str | None, bytes]] = Queue()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            received.put((self.headers["x-amz-sns-topic-arn"], body))

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns = lab.client("sns")
    topic = sns.create_topic(Name=lab.name())["TopicArn"]
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}/"
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)
        found = [received.get(timeout=10)]
        token = json.loads(found[0][1])["Token"]
        confirmed = sns.confirm_subscription(TopicArn=topic, Token=token)
        for raw in ("false", "true"):
            sns.set_subscription_attributes(
                SubscriptionArn=confirmed["SubscriptionArn"],
                AttributeName="RawMessageDelivery",
                AttributeValue=raw,
            )
            sns.publish(TopicArn=topic, Message="{}")
            found.append(received.get(timeout=10))
    finally:
        server.shutdown()
        server.server_close()
    return [header == topic for header, _ in found]


def _executed(lab: Lab, state: dict[str, Any]) -> Any:
    """The output of an execution of a machine with this one state."""
    machine = {"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": state}}
    client = lab.client("stepfunctions")
    arn = client.create_state_machine(
        name=lab.name(), definition=json.dumps(machine), roleArn=lab.role()
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    ended = eventually(
        lambda: client.describe_execution(executionArn=execution),
        lambda description: description["status"] != "RUNNING",
    )
    return json.loads(ended["output"])


def succeed_state_has_an_output(lab: Lab) -> Any:
    """The output of a machine whose last state says what it is."""
    return _executed(lab, {"Type": "Succeed", "Output": {"sum": "{% 1 + 1 %}"}})


def batches_need_the_single_action(lab: Lab) -> Any:
    """What a batch answers to who may do the single action."""
    url, arn = lab.queue()
    topic = lab.client("sns").create_topic(Name=lab.name())["TopicArn"]
    sqs, sns = (
        lab.as_role("sqs", ("sqs:SendMessage", arn)),
        lab.as_role("sns", ("sns:Publish", topic)),
    )
    lab.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    return (
        _code(lambda: sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}]
        )),
        _code(lambda: sns.publish_batch(
            TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "x"}]
        )),
    )  # fmt: skip


def one_mapping_is_read_by_its_own_action(lab: Lab) -> Any:
    """What reading one mapping, which is not there, answers to who may read any, and not list them."""
    lambdas = lab.as_role("lambda", ("lambda:GetEventSourceMapping", "*"))
    return _code(lambda: lambdas.get_event_source_mapping(UUID=str(uuid.uuid4())))


def loopback_counts_as_secure_transport(lab: Lab) -> Any:
    """What a bucket that takes TLS alone answers."""
    s3, bucket = lab.client("s3"), lab.name()
    s3.create_bucket(Bucket=bucket)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    client = lab.as_role("s3", ("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    return _code(lambda: client.put_object(Bucket=bucket, Key="x", Body=b""))


def conditions_see_keys_and_attributes(lab: Lab) -> Any:
    """What writes of three kinds, a read of some attributes and a read of all answer."""
    table = lab.table()
    arn = f"arn:aws:dynamodb:{lab.cloud.region}:{ACCOUNT}:table/{table}"
    rows = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["a#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    some = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk"]},
        "Null": {"dynamodb:Attributes": "false"},
    }
    actions = ("UpdateItem", "PartiQLInsert", "PartiQLUpdate")
    writer = lab.as_role("dynamodb", *((f"dynamodb:{a}", arn) for a in actions), when=rows)
    reader = lab.as_role("dynamodb", ("dynamodb:BatchGetItem", arn), when=some)
    insert = f"""INSERT INTO "{table}" VALUE {{'pk':?}}"""
    update = f"""UPDATE "{table}" SET "x"=1 WHERE "pk"=?"""  # noqa: S608 - of this test's own

    def write(pk: str) -> list[str]:
        key = {"S": pk}
        statements = [{"Statement": update, "Parameters": [key]}]
        return [
            _code(lambda: writer.execute_statement(Statement=insert, Parameters=[key])),
            _code(lambda: writer.batch_execute_statement(Statements=statements)),
            _code(lambda: writer.update_item(TableName=table, Key={"pk": key})),
        ]

    def read(**options: Any) -> str:
        wanted = {"Keys": [{"pk": {"S": "a#1"}}], **options}
        return _code(lambda: reader.batch_get_item(RequestItems={table: wanted}))

    return {*write("a#1")}, {*write("b#1")}, read(ProjectionExpression="pk"), read()


def delivery_streams_gather_records(lab: Lab) -> Any:
    """How many objects four records of two partitions are, what of one that has none, and a call of 5 MB."""
    s3, stream, name = lab.client("s3"), lab.client("firehose"), lab.name()
    s3.create_bucket(Bucket=name)
    parameters = {
        "MetadataExtractionQuery": "{who:.who,day:.at[:2]}",
        "JsonParsingEngine": "JQ-1.6",
    }
    stream.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": lab.role(),
            "BucketARN": f"arn:aws:s3:::{name}",
            "Prefix": "who=!{partitionKeyFromQuery:who}/!{partitionKeyFromQuery:day}/!{timestamp:mm}-",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy}/",
            "FileExtension": ".jsonl",
            "DynamicPartitioningConfiguration": {"Enabled": True},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [
                    {
                        "Type": "MetadataExtraction",
                        "Parameters": [
                            {"ParameterName": key, "ParameterValue": value}
                            for key, value in parameters.items()
                        ],
                    }
                ],
            },
        },
    )
    lines = [f'{{"who":"{who}","at":"01-{n}"}}\n' for who in "ab" for n in range(2)]
    records = [{"Data": line.encode()} for line in [*lines, "no JSON"]]
    stream.put_record_batch(DeliveryStreamName=name, Records=records)
    large = [{"Data": b"x" * 1_000_000}] * 5
    answer = _code(lambda: stream.put_record_batch(DeliveryStreamName=name, Records=large))

    def keys() -> list[str]:
        found = s3.list_objects_v2(Bucket=name).get("Contents", ())
        return [one["Key"] for one in found if one["Size"] < 1_000_000]

    eventually(lambda: len(keys()), lambda count: count >= 3)
    kinds = Counter(key.partition("/")[0] for key in keys())
    return kinds, all(key.endswith(".jsonl") for key in keys() if "who=" in key), answer


def conditions_see_if_none_match(lab: Lab) -> Any:
    """What a bucket in which nothing is overwritten answers to a first write, and to any other."""
    s3, bucket = lab.client("s3"), lab.name()
    s3.create_bucket(Bucket=bucket)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    client = lab.as_role("s3", ("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    put = {"Bucket": bucket, "Key": "x", "Body": b""}
    return (
        _code(lambda: client.put_object(**put, IfNoneMatch="*")),
        _code(lambda: client.put_object(**put)),
    )


def conditions_know_sessions_by_their_role(lab: Lab) -> Any:
    """What a bucket that one role may write into answers to that role, and to another."""
    s3, bucket = lab.client("s3"), lab.name()
    s3.create_bucket(Bucket=bucket)
    objects = f"arn:aws:s3:::{bucket}/*"
    roles = [lab.role(("s3:PutObject", objects)) for _ in range(2)]
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": objects,
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": roles[0]}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    answers = []
    for role in roles:
        session = lab.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
        client = lab.cloud.client_of("s3", session["Credentials"])
        answers.append(_code(lambda c=client: c.put_object(Bucket=bucket, Key="x", Body=b"")))  # type: ignore[misc]
    return tuple(answers)


def conditions_see_what_is_subscribed(lab: Lab) -> Any:
    """What subscribing a queue by its name, and another one, answers to who may subscribe the first alone."""
    topic = lab.client("sns").create_topic(Name=lab.name())["TopicArn"]
    queues = [lab.queue()[1] for _ in range(2)]
    when = {"StringEquals": {"sns:Protocol": "sqs"}, "StringLike": {"sns:Endpoint": queues[0]}}
    sns = lab.as_role("sns", ("sns:Subscribe", topic), when=when)
    return tuple(
        _code(lambda queue=queue: sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue))  # type: ignore[misc]
        for queue in queues
    )


def simulations_are_of_a_principal(lab: Lab) -> Any:
    """What a simulation of one role, and of another, answers to who may simulate the first alone."""
    roles = [lab.role() for _ in range(2)]
    iam = lab.as_role("iam", ("iam:SimulatePrincipalPolicy", roles[0]))
    return tuple(
        _code(
            lambda role=role: iam.simulate_principal_policy(  # type: ignore[misc]
                PolicySourceArn=role, ActionNames=["s3:GetObject"]
            )
        )
        for role in roles
    )


def conditions_see_tags_of_plans_and_keys(lab: Lab) -> Any:
    """What making a plan with a tag and another, and deleting both, answers to who may with the first."""
    own, other = {"deployment": "own"}, {"deployment": "other"}
    gateway = lab.client("apigateway")
    plans = [gateway.create_usage_plan(name=lab.name(), tags=t)["id"] for t in (own, other)]
    at = "arn:aws:apigateway:us-east-1::/usageplans"
    make = {"StringEquals": {"aws:RequestTag/deployment": "own"}}
    change = {"StringEquals": {"aws:ResourceTag/deployment": "own"}}
    maker = lab.as_role("apigateway", ("apigateway:POST", at), when=make)
    changer = lab.as_role("apigateway", ("apigateway:DELETE", f"{at}/*"), when=change)
    return (
        *(_code(lambda t=t: maker.create_usage_plan(name="x", tags=t)) for t in (own, other)),  # type: ignore[misc]
        *(_code(lambda p=p: changer.delete_usage_plan(usagePlanId=p)) for p in plans),  # type: ignore[misc]
    )


def stack_status_waits_for_a_change(lab: Lab) -> Any:
    """What is told of a stack just after it was begun."""
    answer = "{'Status': 'SUCCESS', 'PhysicalResourceId': 'x', **copied}"
    function = lab.function(
        "import time; from urllib.request import Request, urlopen; time.sleep(0.5)\n"
        "    copied = {n: event[n] for n in ('StackId', 'RequestId', 'LogicalResourceId')}\n"
        f"    answer = json.dumps({answer}).encode()\n"
        "    urlopen(Request(event['ResponseURL'], method='PUT', data=answer))"
    )
    token = f"arn:aws:lambda:{lab.cloud.region}:{ACCOUNT}:function:{function}"
    slow = {"Type": "Custom::Slow", "Properties": {"ServiceToken": token}}
    return lab.stack_status(lab.stack(Slow=slow))


DENIED = "AccessDeniedException"


def only_issued_credentials_work(lab: Lab) -> Any:
    """What is answered to who makes up credentials, and what a role's session is worth to others."""
    made_up = {"AccessKeyId": "000000000000", "SecretAccessKey": "x", "SessionToken": ""}
    function = lab.function("import os; return os.environ['AWS_SECRET_ACCESS_KEY']")
    lambdas = lab.client("lambda")
    configuration = lambdas.get_function_configuration(FunctionName=function)
    names = f"{configuration['FunctionArn']}:{configuration['Role']}"
    derived = sha256(f"secret:{sha256(names.encode()).hexdigest()}".encode()).hexdigest()
    sts = lab.cloud.client_of("sts", made_up)
    return _code(sts.get_caller_identity), lab.invoke(function) == derived


def only_signed_requests_from_here_get_in(lab: Lab) -> Any:
    """Statuses for another name of the host, a page of elsewhere, and a reset that nobody has signed."""
    url, other = lab.cloud.endpoint_url, "http://shop.example"
    answers = (
        urllib3.request("GET", f"{url}/_ministack/health", headers={"host": "shop.example"}),
        urllib3.request("GET", f"{url}/_ministack/health", headers={"origin": other}),
        urllib3.request("POST", f"{url}/_ministack/reset"),
    )
    return [answer.status for answer in answers]


# Without them nothing is safe, so the emulator of the others has them.
GUARDS = {only_issued_credentials_work, only_signed_requests_from_here_get_in}

OBSERVED: dict[Callable[[Lab], Any], tuple[Any, Any]] = {
    # Without the shim, and with it, which is what AWS does.
    only_issued_credentials_work: (("ok", True), ("InvalidClientTokenId", False)),
    only_signed_requests_from_here_get_in: ([200, 200, 200], [403, 403, 403]),
    proxy_event_names_the_api_key: ((False, False), (True, True)),
    gateway_responses_know_the_extended_request_id: ((403, False), (403, True)),
    integration_failure_is_a_gateway_response: ((502, True, 200), (503, False, 503)),
    disabled_api_key_is_refused: (200, 403),
    stages_of_a_usage_plan_come_and_go: ([], ["two"]),
    regions_may_have_the_same_api_key: (403, 200),
    global_table_settings_from_cloudformation: (
        (False, "DISABLED", "DISABLED"),
        (True, "ENABLED", "ENABLED"),
    ),
    existing_global_table_is_in_the_way_or_imported: (
        ("CREATE_COMPLETE", 0),
        ("ROLLBACK_COMPLETE", 1),
    ),
    partiql_insert_is_a_write_like_any_other: (("AccessDeniedException", 0), ("ok", 1)),
    delivery_streams_gather_records: (
        ({"errors": 1, "who=a": 2, "who=b": 2}, True, "ok"),
        ({"errors": 1, "who=a": 1, "who=b": 1}, True, "InvalidArgumentException"),
    ),
    stream_mapping_retries_and_gives_up: ((1, 0), (2, 1)),
    javascript_sdk_lists_its_exports: ([], ["DescribeTableCommand"]),
    raised_exception_keeps_its_name: ("Runtime.HandlerError", "KeyError"),
    addresses_of_apis_lead_here: (API, "/_aws/execute-api/a1b2c3d4e5/prod/"),
    embedded_metrics_in_logs_become_metrics: ([], [3.0]),
    alarm_evaluation: (True, False),
    alarm_changes_are_events: ([], [True]),
    alarms_invoke_functions: (
        [],
        [["ALARM", True], ["ALARM", False]],
    ),
    composite_alarms_from_cloudformation: (False, True),
    suppressed_actions_wait: (1, 0),
    queue_metrics_and_alarm_clock: (0, 2),
    services_measure_themselves: ([], ["AWS/ApiGateway", "AWS/SNS", "AWS/States"]),
    topics_count_their_messages: ([0, 0], [3.0, 2.0]),
    attributes_hold_only_what_sns_carries: (
        ("ok", "ok", "ok"),
        ("ok", "InvalidParameter", "InvalidParameter"),
    ),
    http_notifications_name_their_topic: ([False] * 3, [True] * 3),
    succeed_state_has_an_output: ({}, {"sum": 2}),
    batches_need_the_single_action: (("AccessDenied", "AuthorizationError"), ("ok", "ok")),
    one_mapping_is_read_by_its_own_action: (DENIED, "ResourceNotFoundException"),
    loopback_counts_as_secure_transport: ("AccessDenied", "ok"),
    conditions_see_keys_and_attributes: (
        ({DENIED}, {DENIED}, DENIED, DENIED),
        ({"ok"}, {DENIED}, "ok", DENIED),
    ),
    conditions_see_if_none_match: (("AccessDenied", "AccessDenied"), ("ok", "AccessDenied")),
    conditions_know_sessions_by_their_role: (
        ("AccessDenied", "AccessDenied"),
        ("ok", "AccessDenied"),
    ),
    conditions_see_what_is_subscribed: (
        ("AuthorizationError", "AuthorizationError"),
        ("ok", "AuthorizationError"),
    ),
    simulations_are_of_a_principal: (("AccessDenied", "AccessDenied"), ("ok", "AccessDenied")),
    conditions_see_tags_of_plans_and_keys: (
        (DENIED, DENIED, DENIED, DENIED),
        ("ok", DENIED, "ok", DENIED),
    ),
    imported_bucket_is_not_in_the_way: (
        ("ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE"),
        ("CREATE_COMPLETE", "ROLLBACK_COMPLETE"),
    ),
    # Not a difference: AWS doesn't wait either.
    stack_status_waits_for_a_change: ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
}


@pytest.fixture(scope="module")
def stock() -> Iterator[Lab]:
    """The emulator as it comes, but for the guards."""
    names = [shim.__name__ for shim in OBSERVED if shim not in GUARDS]
    with LocalCloud(without=names) as cloud:
        yield Lab(cloud)


@pytest.fixture
def unguarded() -> Iterator[Lab]:
    """The emulator with all but the guards, for the moment of one test."""
    with LocalCloud(without=[guard.__name__ for guard in GUARDS]) as cloud:
        yield Lab(cloud)


@pytest.fixture(scope="module")
def shimmed() -> Iterator[Lab]:
    """The emulator with all shims."""
    with LocalCloud() as cloud:
        yield Lab(cloud)


@pytest.mark.parametrize("observe", OBSERVED, ids=lambda observe: observe.__name__)
def test_the_emulator_needs_the_shim(
    observe: Callable[[Lab], Any], request: pytest.FixtureRequest
) -> None:
    lab = request.getfixturevalue("unguarded" if observe in GUARDS else "stock")

    assert observe(lab) == OBSERVED[observe][0]


@pytest.mark.parametrize("observe", OBSERVED, ids=lambda observe: observe.__name__)
def test_with_the_shim_it_does_what_aws_does(observe: Callable[[Lab], Any], shimmed: Lab) -> None:
    assert observe(shimmed) == OBSERVED[observe][1]


def test_there_is_a_test_for_each_shim() -> None:
    command = [str(LOCAL / "emulator/bin/python"), str(ROOT / "local/shims"), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    assert listed.split() == [observe.__name__ for observe in OBSERVED]
