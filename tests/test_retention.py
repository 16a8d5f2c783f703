"""How long the archive keeps what, proved from a bucket; and legal holds."""

import json
import subprocess

import pytest
from conftest import Deployed, subscription_event
from template import properties, template

from local_aws import stack as sam

STACK = "keep"
TAG = {"Key": "catchment-expiry", "Value": "on"}


def lifecycle():
    """The rules of the template with the default parameters: the emulator takes a
    template's rules, and does not apply them."""
    value = {name: it["Default"] for name, it in template()["Parameters"].items()}

    def is_true(condition):
        it = template()["Conditions"].get(condition, condition) if isinstance(condition, str) else condition
        ((operator, of),) = it.items()
        match operator:
            case "Condition":
                return is_true(of)
            case "Fn::Or":
                return any(map(is_true, of))
            case "Fn::Not":
                return not is_true(of[0])
            case "Fn::Equals":
                return value[of[0]["Ref"]] == of[1]

    def resolved(it):
        if isinstance(it, list):
            return [found for found in map(resolved, it) if found is not None]
        if not isinstance(it, dict):
            return it
        if "Fn::If" in it:
            condition, yes, no = it["Fn::If"]
            return resolved(yes if is_true(condition) else no)
        if "Ref" in it:
            return None if it["Ref"] == "AWS::NoValue" else value[it["Ref"]]
        return {name: resolved(inner) for name, inner in it.items()}

    rules = []
    for rule in resolved(properties("ArchiveBucket")["LifecycleConfiguration"]["Rules"]):
        prefix, tags = rule.get("Prefix", ""), rule.get("TagFilters")
        api = {"ID": rule["Id"], "Status": rule["Status"]}
        api["Filter"] = {"And": {"Prefix": prefix, "Tags": tags}} if tags else {"Prefix": prefix}
        if "ExpirationInDays" in rule:
            api["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
        if "Transitions" in rule:
            api["Transitions"] = [
                {"Days": int(it["TransitionInDays"]), "StorageClass": it["StorageClass"]} for it in rule["Transitions"]
            ]
        for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if name in rule:
                api[name] = {key: int(days) for key, days in rule[name].items()}
        rules.append(api)
    return {"Rules": rules}


@pytest.fixture(scope="module")
def kept(deployed, tmp_path_factory):
    """A stack of its own, with records of two classes: in the other one, tests leave things lying about."""
    stack = sam.deploy(
        deployed.emulator, STACK, DatabaseName="keep", LogGroupPatterns="/none", LongLogGroups="/ecs/long-*",
        ShortLogGroups="/ecs/short-*",
    )
    kept = Deployed(deployed.emulator, deployed.receiver, stack, tmp_path_factory.mktemp("kept"))
    kept.s3.put_bucket_lifecycle_configuration(Bucket=kept.bucket, LifecycleConfiguration=lifecycle())
    for group in ("/ecs/short-web", "/ecs/long-billing", "/ecs/web"):
        kept.ingest(subscription_event(group, [f"{group} says {number}" for number in range(3)]))
    return kept


def retention(kept, *arguments):
    """Exit code, standard output and standard error of the command."""
    done = subprocess.run(
        [sam.CLI, "retention", *arguments, "--stack", STACK], env=kept.emulator.environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def verified(kept):
    """What is wrong, as a table of text; nothing where all is well."""
    code, out, err = retention(kept, "verify")
    assert code == (0 if "no faults" in out else 1), err
    return "" if code == 0 else out


def key_of(kept, retention_class):
    (key,) = kept.keys(f"logs/class={retention_class}/")
    return key


def tags(kept, retention_class):
    return kept.s3.get_object_tagging(Bucket=kept.bucket, Key=key_of(kept, retention_class))["TagSet"]


def audited(kept):
    items = [it for it in kept.items("AuditTableName") if it["entity_type"]["S"] == "retention_hold"]
    return sorted((it["action"]["S"], it["entity_id"]["S"], it["actor"]["M"]["id"]["S"]) for it in items)


def test_a_bucket_as_deployed_has_no_fault_and_every_fault_is_listed(kept):
    assert verified(kept) == ""
    code, out, _ = retention(kept, "show")
    assert code == 0 and "2555 days" in out and "GLACIER_IR after 90 days" in out and "no holds" in out

    kept.s3.delete_bucket_lifecycle(Bucket=kept.bucket)
    told = verified(kept)
    for retention_class, days in (("short", 30), ("standard", 90), ("long", 2555)):
        assert f"logs/class={retention_class}/" in told and f"after {days} days" in told
    kept.s3.put_bucket_lifecycle_configuration(Bucket=kept.bucket, LifecycleConfiguration=lifecycle())

    kept.s3.put_object(Bucket=kept.bucket, Key="logs/class=weekly/notes.txt", Body=b"x")
    key = key_of(kept, "standard")
    kept.s3.delete_object(Bucket=kept.bucket, Key=key)
    told = verified(kept)
    assert "foreign" in told and "logs/class=weekly/notes.txt" in told
    assert "deleted early" in told and "no merged object replaces it" in told
    # The way out that the fault names: the object is back.
    versions = kept.s3.list_object_versions(Bucket=kept.bucket, Prefix="logs/")
    for marker in versions["DeleteMarkers"]:
        kept.s3.delete_object(Bucket=kept.bucket, Key=marker["Key"], VersionId=marker["VersionId"])
    (foreign,) = [it for it in versions["Versions"] if it["Key"].endswith("notes.txt")]
    kept.s3.delete_object(Bucket=kept.bucket, Key=foreign["Key"], VersionId=foreign["VersionId"])
    assert key_of(kept, "standard") == key and verified(kept) == ""


def test_a_hold_stops_expiry_is_audited_and_released(kept):
    assert [tags(kept, it) for it in ("short", "long")] == [[TAG], [TAG]]
    hold = ("hold", "--class", "short", "--reason", "case 12/26", "--by", "ada@example.com")
    code, out, err = retention(kept, *hold)
    assert code == 0, err
    assert "held: short, as hold-" in out and "1 objects looked at, 1 expire no more" in out
    name = out.split(" as ")[1].split(";")[0]
    assert [tags(kept, it) for it in ("short", "long")] == [[], [TAG]]
    body = json.loads(kept.object(f"holds/{name}.json"))
    assert (body["class"], body["reason"], body["by"]) == ("short", "case 12/26", "ada@example.com")
    # The records stay where queries find them.
    assert len(kept.records("/ecs/short-web")) == 3
    assert verified(kept) == ""

    # Twice does no harm, and is one entry in the trail.
    code, out, _ = retention(kept, *hold)
    assert code == 0 and "0 expire no more" in out
    assert audited(kept) == [("retention.hold", name, "ada@example.com")]
    code, out, _ = retention(kept, "holds")
    assert name in out and "case 12/26" in out and "in force" in out

    # What came in since, or was tagged by hand, is named and mended.
    kept.s3.put_object_tagging(Bucket=kept.bucket, Key=key_of(kept, "short"), Tagging={"TagSet": [TAG]})
    assert "held, but tagged" in verified(kept)
    assert "1 expire no more" in retention(kept, "reconcile")[1]
    assert verified(kept) == ""

    # A hold that is deleted without a release is named, and so are objects that never expire.
    kept.s3.delete_object(Bucket=kept.bucket, Key=f"holds/{name}.json")
    told = verified(kept)
    assert "it was deleted without a release" in told and "no tag" in told
    (marker,) = kept.s3.list_object_versions(Bucket=kept.bucket, Prefix="holds/")["DeleteMarkers"]
    kept.s3.delete_object(Bucket=kept.bucket, Key=marker["Key"], VersionId=marker["VersionId"])

    code, out, err = retention(kept, "release", name)
    assert code == 0, err
    assert "1 may expire again" in out
    assert tags(kept, "short") == [TAG] and kept.keys("holds/") == {}
    assert verified(kept) == ""
    actions = [(action, hold) for action, hold, _ in audited(kept)]
    assert actions == [("retention.hold", name), ("retention.reconcile", "archive"), ("retention.release", name)]
    # Nobody was named: it is who AWS says.
    assert audited(kept)[-1][2].startswith("arn:aws:")
    code, _, err = retention(kept, "release", name)
    assert code == 4 and f"there is no hold {name}" in err


def test_a_hold_of_a_time_holds_what_lies_in_it(kept):
    held = ("hold", "--from", "2020-01-01", "--to", "2020-02-01", "--reason", "january")
    assert "0 objects looked at" in retention(kept, *held)[1]
    code, _, err = retention(kept, "hold", "--reason", "nothing named")
    assert code == 2 and "--class" in err
    (name,) = [key.removeprefix("holds/").removesuffix(".json") for key in kept.keys("holds/")]
    assert retention(kept, "release", name)[0] == 0


def test_a_stack_that_is_not_there(kept):
    done = subprocess.run(
        [sam.CLI, "retention", "verify", "--stack", "nope"], env=kept.emulator.environment, capture_output=True, text=True
    )
    assert done.returncode == 4 and "there is no stack nope here" in done.stderr
