"""What the template promises, read from it: roles, buckets, tables, retention."""

import json
import re

import pytest
from template import functions, properties, resources, template, variables_read_by

from local_aws.processes import ROOT

FUNCTIONS = ["ingest", "evaluate", "compact", "notify", "subscribe"]


def statements():
    for name, role in resources("AWS::IAM::Role").items():
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                # A statement under a condition: its first branch.
                yield name, statement.get("Fn::If", [None, statement])[1]


def listed(value):
    return value if isinstance(value, list) else [value]


def test_every_function_of_the_repository_is_deployed():
    assert sorted(path.name for path in (ROOT / "functions").iterdir()) == sorted(FUNCTIONS)
    assert sorted(functions()) == sorted(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_exactly_the_settings_it_reads(function):
    assert set(functions()[function]["Environment"]["Variables"]) == variables_read_by(function)


def test_no_role_allows_a_wildcard_action_or_any_resource():
    assert len(list(statements())) > 10
    for role, statement in statements():
        for action in listed(statement["Action"]):
            assert "*" not in action, (role, action)
        for resource in listed(statement["Resource"]):
            assert resource != "*", (role, statement["Sid"])


def test_every_function_has_a_role_of_its_own():
    roles = [json.dumps(it["Role"]) for it in functions().values()]
    assert len(set(roles)) == len(FUNCTIONS)


@pytest.mark.parametrize("bucket", ["ArchiveBucket", "QueryResultsBucket"])
def test_a_bucket_is_private_encrypted_and_refuses_plain_http(bucket):
    assert sorted(resources("AWS::S3::Bucket")) == ["ArchiveBucket", "QueryResultsBucket"]
    block = properties(bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"], True
    )
    assert properties(bucket)["BucketEncryption"]
    policies = resources("AWS::S3::BucketPolicy").values()
    (policy,) = [it["Properties"] for it in policies if it["Properties"]["Bucket"] == {"Ref": bucket}]
    (deny,) = policy["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Action"]) == ("Deny", "s3:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def retention_classes():
    """The classes that a configuration file may name; the code refuses every other."""
    schema = json.loads((ROOT / "infra" / "config.schema.json").read_text())
    return [it["const"] for it in schema["definitions"]["RetentionClass"]["oneOf"]]


@pytest.mark.parametrize("retention_class", retention_classes())
def test_each_retention_class_expires_and_moves_when_its_parameters_say(retention_class):
    rules = properties("ArchiveBucket")["LifecycleConfiguration"]["Rules"]
    title = retention_class.title()
    # What a legal hold has taken the tag from never expires.
    (expires,) = [it for it in rules if it.get("Id") == retention_class]
    assert expires == {
        "Id": retention_class, "Status": "Enabled", "Prefix": f"logs/class={retention_class}/",
        "TagFilters": [{"Key": "catchment-expiry", "Value": "on"}],
        "ExpirationInDays": {"Ref": f"{title}RetentionDays"},
    }
    (moves,) = [it["Fn::If"] for it in rules if it.get("Fn::If", [None])[0] == f"{title}Moves"]
    assert (moves[1]["Prefix"], moves[1].get("TagFilters")) == (f"logs/class={retention_class}/", None)
    assert [it["Fn::If"][1] for it in moves[1]["Transitions"]] == [
        {"StorageClass": "STANDARD_IA", "TransitionInDays": {"Ref": f"{title}InfrequentAccessDays"}},
        {"StorageClass": "GLACIER_IR", "TransitionInDays": {"Ref": f"{title}GlacierDays"}},
    ]


@pytest.mark.parametrize("retention_class", retention_classes())
def test_what_parameters_say_of_moves_can_be_deployed(retention_class):
    parameters = template()["Parameters"]
    title = retention_class.title()
    days, infrequent, glacier = (
        parameters[f"{title}{it}"] for it in ("RetentionDays", "InfrequentAccessDays", "GlacierDays")
    )
    for value, allowed in [("0", True), ("29", False), ("30", True), ("99", True), ("100", True), ("x", False), ("", False)]:
        assert bool(re.fullmatch(infrequent["AllowedPattern"], value)) == allowed, value
    for value, allowed in [("0", True), ("1", True), ("90", True), ("010", False), ("-1", False), ("", False)]:
        assert bool(re.fullmatch(glacier["AllowedPattern"], value)) == allowed, value
    # The defaults: nothing expires before what its move has paid for.
    if infrequent["Default"] != "0":
        assert days["Default"] >= int(infrequent["Default"]) + 30
    if glacier["Default"] != "0":
        assert int(glacier["Default"]) >= int(infrequent["Default"]) + 30
        assert days["Default"] >= int(glacier["Default"]) + 90


def test_a_class_is_the_same_wherever_it_is_named():
    classes = retention_classes()
    rules = properties("ArchiveBucket")["LifecycleConfiguration"]["Rules"]
    assert [it["Id"] for it in rules if it.get("Prefix", "").startswith("logs/")] == classes
    table = properties("LogsTable")["TableInput"]["Parameters"]
    assert table["projection.class.values"] == ",".join(classes)
    named = [name.removesuffix("RetentionDays").lower() for name in template()["Parameters"] if name.endswith("RetentionDays")]
    assert [name for name in named if name not in ("audit", "quarantine", "ownlog")] == classes


def test_the_quarantine_expires_whatever_its_tags():
    rules = properties("ArchiveBucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = [it for it in rules if it.get("Prefix") == "quarantine/"]
    assert rule["ExpirationInDays"] == {"Ref": "QuarantineRetentionDays"} and "TagFilters" not in rule


def test_the_table_has_the_columns_of_the_files_in_their_order():
    schema = (ROOT / "shared/archive/src/schema.rs").read_text()
    types = {"time": "timestamp", "long": "bigint", "int": "int", "double": "double", "text": "string", "made": "string"}
    written = [(name, types[kind]) for kind, name in re.findall(r'^    to\.(\w+)\("(\w+)"', schema, re.MULTILINE)]
    columns = properties("LogsTable")["TableInput"]["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in columns] == written


@pytest.mark.parametrize("table", ["AuditTable", "StateTable"])
def test_a_table_can_be_restored_and_is_hard_to_delete(table):
    assert sorted(resources("AWS::DynamoDB::Table")) == ["AuditTable", "StateTable"]
    assert template()["Resources"][table]["DeletionPolicy"] == "Retain"
    assert properties(table)["DeletionProtectionEnabled"] is True
    assert properties(table)["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties(table)["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_what_ingest_fails_on_is_tried_again_and_then_kept():
    config = functions()["ingest"]["EventInvokeConfig"]
    assert config["MaximumRetryAttempts"] == 2
    assert config["MaximumEventAgeInSeconds"] == 6 * 3600
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FailedPayloadQueue", "Arn"]}
    assert template()["Resources"]["FailedPayloadQueue"]["DeletionPolicy"] == "Retain"


def test_a_function_that_fails_or_is_never_invoked_raises_an_alarm():
    alarms = [it["Properties"] for it in resources("AWS::CloudWatch::Alarm").values()]
    watched = {
        (it["MetricName"], it["Dimensions"][0]["Value"]["Ref"]) for it in alarms if it.get("Namespace") == "AWS/Lambda"
    }
    assert watched == {("Errors", f"{function.title()}Function") for function in FUNCTIONS} | {
        ("DestinationDeliveryFailures", "IngestFunction"), ("Invocations", "EvaluateFunction"),
        ("Invocations", "CompactFunction"),
    }
    asleep = [it for it in alarms if it.get("MetricName") == "Invocations"]
    assert all(it["TreatMissingData"] == "breaching" for it in asleep)


def test_every_alarm_on_our_own_metrics_watches_one_that_is_emitted():
    alarms = [it["Properties"] for it in resources("AWS::CloudWatch::Alarm").values()]
    ours = [it for it in alarms if "MetricsNamespace" in str(it.get("Namespace"))]
    assert len(ours) >= 7
    for alarm in ours:
        (dimension,) = alarm["Dimensions"]
        sources = (ROOT / "functions" / dimension["Value"] / "src").glob("*.rs")
        emitted = "".join(path.read_text() for path in sources)
        assert f'"{alarm["MetricName"]}"' in emitted, (dimension["Value"], alarm["MetricName"])


def test_compact_may_touch_the_archive_and_nothing_else():
    allowed = {
        (action, str(resource).partition("Arn")[2].strip("}/*'] "))
        for role, statement in statements() if role == "CompactRole" and statement["Sid"] not in ("OwnLog", "Key")
        for action in listed(statement["Action"]) for resource in listed(statement["Resource"])
    }
    actions = ["GetObject", "PutObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging"]
    assert allowed == {(f"s3:{action}", "logs") for action in actions} | {("s3:GetObject", "holds"), ("s3:ListBucket", "")}


def test_compact_has_time_and_room_for_what_it_does():
    compact = functions()["compact"]
    # Lambda's longest; the largest output is 512 MB.
    assert (compact["Timeout"], compact["EphemeralStorage"]) == (900, {"Size": 1024})
    assert compact["Events"]["EachTick"]["Properties"] == {"Schedule": {"Ref": "CompactSchedule"}, "Input": "{}"}


def test_one_permission_serves_all_log_groups():
    permissions = [it["Properties"] for it in resources("AWS::Lambda::Permission").values()]
    (permission,) = [it for it in permissions if it["Principal"] == "logs.amazonaws.com"]
    assert permission["SourceArn"]["Fn::Sub"].endswith(":log-group:*")


def test_the_schedule_of_subscribe_ends_before_the_filters_are_removed():
    assert "Events" not in functions()["subscribe"]
    rule = template()["Resources"]["SubscribeRule"]
    assert rule["DependsOn"] == template()["Resources"]["ScheduleMayInvokeSubscribe"]["DependsOn"] == "Subscriptions"
    assert rule["Properties"]["ScheduleExpression"] == {"Ref": "SubscribeSchedule"}


def test_the_log_groups_of_our_functions_have_a_retention_and_are_never_collected():
    groups = [it["Properties"] for it in resources("AWS::Logs::LogGroup").values()]
    assert all(group["RetentionInDays"] == {"Ref": "OwnLogRetentionDays"} for group in groups)
    names = sorted(group["LogGroupName"]["Fn::Sub"] for group in groups)
    # The code refuses what is below /catchment/, of whatever stack.
    assert names == sorted(f"/catchment/${{AWS::StackName}}/{function}" for function in FUNCTIONS)
    for function in FUNCTIONS:
        assert functions()[function]["LoggingConfig"] == {"LogGroup": {"Ref": f"{function.title()}LogGroup"}}


def test_every_parameter_is_explained_grouped_and_has_a_default():
    parameters = template()["Parameters"]
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters)
    for name, parameter in parameters.items():
        assert parameter["Description"] and "Default" in parameter, name
