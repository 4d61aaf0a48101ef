"""Target 2: the obvious ingest handler, of the resource API, Powertools' utilities and pydantic."""

import json
import os
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import BaseModel, parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from aws_lambda_powertools.utilities.validation import validate
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayRestResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
bucket = boto3.resource("s3").Bucket(os.environ["BUCKET"])

SCHEMA = {
    "type": "object",
    "required": ["order_id", "total", "currency"],
    "properties": {
        "order_id": {"type": "string", "minLength": 1},
        "total": {"type": "number", "minimum": 0},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    },
}


class Event(BaseModel):
    """A CloudEvent."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    data: dict[str, Any] | None = None


@app.post("/events")
@tracer.capture_method
def post_event() -> Response[str]:
    """Store the event, then archive it."""
    event = parse(event=app.current_event.json_body, model=Event)
    validate(event=event.data, schema=SCHEMA)
    accepted_at = datetime.now(UTC).isoformat()
    text = event.model_dump_json(exclude_none=True)
    try:
        table.put_item(
            Item={
                "pk": f"{event.source}#{event.id}",
                "event": text,
                "type": event.type,
                "accepted_at": accepted_at,
            },
            ConditionExpression=Attr("pk").not_exists(),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    bucket.put_object(Key=f"{accepted_at[:10]}/{event.id}.json", Body=text.encode())
    metrics.add_metric(name="EventsAccepted", unit=MetricUnit.Count, value=1)
    logger.info("accepted", event_id=event.id)
    return Response(
        HTTPStatus.ACCEPTED, "application/json", json.dumps({"id": event.id, "status": "accepted"})
    )


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The function's entry point."""
    return app.resolve(event, context)
