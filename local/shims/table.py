"""All shims, in the order in which they are put in place: some wrap what others have replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    alarms,
    api_gateway,
    cloudformation,
    credentials,
    delivery_streams,
    dynamodb,
    front_door,
    functions,
    iam,
    metrics,
    step_functions,
    stream_mappings,
    topics,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ORDERED: tuple[Callable[[], None], ...] = (
    credentials.only_issued_credentials_work,
    front_door.only_signed_requests_from_here_get_in,
    api_gateway.proxy_event_names_the_api_key,
    api_gateway.gateway_responses_know_the_extended_request_id,
    api_gateway.integration_failure_is_a_gateway_response,
    api_gateway.disabled_api_key_is_refused,
    api_gateway.stages_of_a_usage_plan_come_and_go,
    api_gateway.regions_may_have_the_same_api_key,
    dynamodb.global_table_settings_from_cloudformation,
    dynamodb.existing_global_table_is_in_the_way_or_imported,
    dynamodb.partiql_insert_is_a_write_like_any_other,
    delivery_streams.delivery_streams_gather_records,
    stream_mappings.stream_mapping_retries_and_gives_up,
    functions.javascript_sdk_lists_its_exports,
    functions.raised_exception_keeps_its_name,
    functions.addresses_of_apis_lead_here,
    metrics.embedded_metrics_in_logs_become_metrics,
    alarms.alarm_evaluation,
    alarms.alarm_changes_are_events,
    alarms.alarms_invoke_functions,
    alarms.composite_alarms_from_cloudformation,
    alarms.suppressed_actions_wait,
    metrics.queue_metrics_and_alarm_clock,
    metrics.services_measure_themselves,
    metrics.topics_count_their_messages,
    topics.attributes_hold_only_what_sns_carries,
    topics.http_notifications_name_their_topic,
    step_functions.succeed_state_has_an_output,
    iam.batches_need_the_single_action,
    iam.one_mapping_is_read_by_its_own_action,
    iam.loopback_counts_as_secure_transport,
    iam.conditions_see_keys_and_attributes,
    iam.conditions_see_if_none_match,
    iam.conditions_know_sessions_by_their_role,
    iam.conditions_see_what_is_subscribed,
    iam.simulations_are_of_a_principal,
    iam.conditions_see_tags_of_plans_and_keys,
    cloudformation.imported_bucket_is_not_in_the_way,
    cloudformation.stack_status_waits_for_a_change,
)
SHIMS = {shim.__name__: shim for shim in _ORDERED}
