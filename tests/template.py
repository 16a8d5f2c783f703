"""template.yaml as data: what its tags mean is written as CloudFormation's JSON form."""

import re
from functools import cache

import yaml

from local_aws.processes import ROOT


class Loader(yaml.SafeLoader):
    """Reads `!Ref x` as `{"Ref": "x"}`, `!Sub x` as `{"Fn::Sub": "x"}` and so on."""


def intrinsic(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", intrinsic)


@cache
def template():
    return yaml.load((ROOT / "template.yaml").read_text(), Loader)


def resources(kind):
    """The resources of a type: name -> resource."""
    return {name: it for name, it in template()["Resources"].items() if it["Type"] == kind}


def properties(name):
    return template()["Resources"][name]["Properties"]


def functions():
    """The functions by what they are for: ingest -> its properties."""
    return {
        it["Metadata"]["BuildProperties"]["Binary"].removeprefix("catchment-"): it["Properties"]
        for it in resources("AWS::Serverless::Function").values()
    }


def variables_read_by(function):
    """The names of environment variables that a function's config.rs reads, tests left out."""
    source = (ROOT / "functions" / function / "src" / "config.rs").read_text()
    names = re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"', source.split("#[cfg(test)]")[0])
    return {name for name in names if not name.startswith("AWS_")}  # those are set by Lambda
