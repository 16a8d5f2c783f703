"""Which log groups are subscribed, and that removing the stack leaves nothing behind."""

import json

import pytest
from conftest import OWN_LOG_GROUPS, wait_for

from local_aws import stack as sam


def filters(deployed, group):
    return deployed.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]


def test_the_matching_groups_are_subscribed_and_no_other(deployed):
    for group in ("/ecs/wanted", "/ecs/noise-debug", "/custom/unwanted", "/aws/lambda/wanted"):
        deployed.create_group(group)
    deployed.subscribe()
    arn = deployed.client("lambda").get_function(FunctionName=deployed.stack["IngestFunctionName"])
    for group in ("/ecs/wanted", "/aws/lambda/wanted"):
        (ours,) = filters(deployed, group)
        assert ours["filterName"] == "e2e-catchment"
        assert ours["filterPattern"] == ""
        assert ours["destinationArn"] == arn["Configuration"]["FunctionArn"]
    for group in ("/ecs/noise-debug", "/custom/unwanted"):
        assert filters(deployed, group) == []


def test_the_groups_of_no_stack_of_ours_are_subscribed(deployed):
    """Although a pattern of this stack names them."""
    deployed.create_group("/catchment/other/ingest")
    deployed.subscribe()
    for group in OWN_LOG_GROUPS:
        assert filters(deployed, group) == []


def test_a_foreign_filter_is_never_touched(deployed):
    deployed.create_group("/ecs/full")
    foreign = "arn:aws:lambda:us-east-1:000000000000:function:somebody-elses"
    for name in ("first", "second"):
        deployed.logs.put_subscription_filter(
            logGroupName="/ecs/full", filterName=name, filterPattern="ERROR", destinationArn=foreign
        )
    _, metrics = deployed.subscribe()
    assert [it["filterName"] for it in filters(deployed, "/ecs/full")] == ["first", "second"]
    assert all(it["destinationArn"] == foreign for it in filters(deployed, "/ecs/full"))
    # What it could not do shows.
    assert metrics["SubscriptionsFailed"] == 1
    deployed.logs.delete_log_group(logGroupName="/ecs/full")


def test_subscribing_again_changes_nothing(deployed):
    deployed.create_group("/ecs/again")
    deployed.subscribe()
    before = filters(deployed, "/ecs/again")
    deployed.subscribe()
    assert filters(deployed, "/ecs/again") == before


def test_removing_the_stack_removes_its_filters_and_keeps_the_data(deployed):
    deployed.create_group("/removable/app")
    deployed.logs.put_subscription_filter(
        logGroupName="/removable/app", filterName="foreign", filterPattern="",
        destinationArn="arn:aws:lambda:us-east-1:000000000000:function:somebody-elses",
    )
    stack = sam.deploy(
        deployed.emulator, "removable", LogGroupPatterns="/removable/*", DatabaseName="removable"
    )
    # Deployment alone subscribes: nobody has invoked anything.
    assert sorted(it["filterName"] for it in filters(deployed, "/removable/app")) == ["foreign", "removable-catchment"]
    deployed.put("/removable/app", ["the last line"])
    wait_for(
        "object in the archive",
        lambda: deployed.s3.list_objects_v2(Bucket=stack["ArchiveBucketName"], Prefix="logs/").get("Contents"),
    )
    sam.remove(deployed.emulator, "removable")
    assert [it["filterName"] for it in filters(deployed, "/removable/app")] == ["foreign"]
    kept = deployed.s3.list_objects_v2(Bucket=stack["ArchiveBucketName"], Prefix="logs/")
    assert kept["KeyCount"] == 1
    assert stack["AuditTableName"] in deployed.client("dynamodb").list_tables()["TableNames"]


def test_a_lifecycle_rule_for_each_class_is_in_the_deployed_template(deployed):
    body = deployed.client("cloudformation").get_template(StackName="e2e", TemplateStage="Processed")["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    rules = template["Resources"]["ArchiveBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    # Those that move objects are under conditions; here they are not yet decided.
    expiry = [rule["Id"] for rule in rules if "Fn::If" not in rule]
    assert expiry == ["short", "standard", "long", "quarantine", "leftovers"]


@pytest.mark.parametrize("function", ["Evaluate", "Subscribe"])
def test_the_schedules_are_on(deployed, function):
    name = deployed.stack[f"{function}FunctionName"]
    rules = deployed.client("events").list_rules()["Rules"]
    targets = {
        target["Arn"].rsplit(":", 1)[-1]: rule
        for rule in rules
        for target in deployed.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    }
    assert targets[name]["State"] == "ENABLED"
