//! Rule files: the product's rules load as they are, and every fault has its place.

use catchment_alert::{RuleFile, RuleSet};

fn parse(text: &str) -> Result<RuleSet, String> {
    let file = RuleFile { name: "a.yaml".into(), text: text.into() };
    RuleSet::parse(&[file]).map_err(|err| err.to_string())
}

#[test]
fn the_products_rules_come_first() {
    let rules = RuleSet::embedded();
    let rule = rules.rules().next().unwrap();
    assert_eq!((rule.name.as_str(), rule.for_ms), ("HighErrorRate", 300_000));
    assert_eq!(rule.expr.threshold(), Some(10.0));
    assert_eq!(rules.rules().nth(1).unwrap().for_ms, 120_000);
}

#[test]
fn every_fault_is_listed_with_group_rule_line_and_column() {
    let text = r#"groups:
  - name: g
    interval: 1m
    colour: red
    rules:
      - alert: Block
        expr: |
          sum(rate({a="b"}[5m])) > 1
            and summ(2)
      - alert: Plain
        expr: rate_counter({a="b"} | unwrap c [5m]) > 5
      - alert: Quoted
        expr: 'ratee({a="b"}[5m])'
        for: 5
      - record: 1st-total
        expr: rate({a="b"}[5m])
        for: 5m
      - alert: Texts
        expr: rate({a="b"}[7d]) > 1
        annotations:
          summary: "{{ query `x` }}"
      - alert: Number
        expr: "5"
      - alert: ""
"#;
    let expected = r#"rule file a.yaml, group "g", line 4, column 5: a group has no field "colour"; its fields are name, interval, limit, query_offset, labels, rules
rule file a.yaml, group "g", rule 1 (Block), line 9, column 17: unknown aggregation "summ" at 2:7; did you mean "sum"?
rule file a.yaml, group "g", rule 2 (Plain), line 11, column 15: the function "rate_counter" cannot be evaluated as lines arrive: it needs each sample beside the one before it; use rate(.. | unwrap ..)
rule file a.yaml, group "g", rule 3 (Quoted), line 13, column 16: unknown aggregation "ratee" at 1:1; did you mean "rate"?
rule file a.yaml, group "g", rule 3 (Quoted), line 14, column 14: the field "for": "5" is not a duration; write it like 30s, 5m or 1h30m (units: y w d h m s ms)
rule file a.yaml, group "g", rule 4 (1st-total), line 17, column 9: a recording rule has no field "for"; its fields are record, expr, labels
rule file a.yaml, group "g", rule 4 (1st-total), line 15, column 17: "1st-total" is no name of a metric: letters, digits, "_" and ":", and no digit first
rule file a.yaml, group "g", rule 5 (Texts), line 21, column 20: the annotations "summary": the function "query" is not supported: a notification is written without asking the archive again; put what it needs into the rule's expression
rule file a.yaml, group "g", rule 5 (Texts), line 19, column 15: the range is longer than 24h; query the archive for longer spans
rule file a.yaml, group "g", rule 6 (Number), line 23, column 15: a rule needs a metric, such as count_over_time(..[5m]) > 5
rule file a.yaml, group "g", rule 7 (), line 24, column 16: the field "alert" is empty
rule file a.yaml, group "g", rule 7 (), line 24, column 9: the field "expr" is missing"#;
    let found = parse(text).unwrap_err();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn files_that_are_no_rule_files_say_so() {
    for (text, expected) in [
        ("groups:\n  - name: [", "line 2"),
        ("[]", "a rule file is a mapping, not a list"),
        ("other: 1", "a rule file has no field \"other\""),
        ("groups:\n- rules: []", "the field \"name\" is missing"),
        ("groups:\n- {name: g, interval: 1s}", "the interval is shorter than 10s"),
        ("groups:\n- {name: g}\n- {name: g}", "another group has this name"),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'rate({a=\"b\"}[5m])'}\n  - {alert: A, expr: 'rate({a=\"b\"}[5m])'}",
            "the group has another rule of the same name and expression",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'rate({a=\"b\"}[1001ms])'}",
            "share no step coarse enough",
        ),
    ] {
        let found = parse(text).unwrap_err();
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn a_changed_expression_is_another_rule() {
    let id = |expr: &str| {
        let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n");
        parse(&text).unwrap().rules().next().unwrap().id.clone()
    };
    assert_eq!(id("rate({a=\"b\"}[5m]) > 1"), id("rate({a=\"b\"}[5m]) > 1"));
    assert_ne!(id("rate({a=\"b\"}[5m]) > 1"), id("rate({a=\"b\"}[5m]) > 2"));
}

#[test]
fn windows_are_bounded() {
    let fault = |interval: &str, window: &str| {
        let text = format!(
            "groups:\n- name: g\n  interval: {interval}\n  rules:\n  - alert: A\n    expr: 'rate({{a=\"b\"}}{window}) > 1'\n"
        );
        parse(&text).err()
    };
    for (interval, at_the_limit, beyond, word) in [
        ("1m", "[24h]", "[1441m]", "the range is longer than 24h"),
        ("1m", "[5m] offset 7d", "[5m] offset 10081m", "the offset is longer than 168h"),
        // 1,500 buckets of ten seconds.
        ("10s", "[250m]", "[15010s]", "share no step coarse enough"),
        ("10s", "[11s]", "[10001ms]", "share no step coarse enough"),
    ] {
        assert_eq!(fault(interval, at_the_limit), None, "{at_the_limit}");
        let fault = fault(interval, beyond).unwrap();
        assert!(fault.contains(word), "{beyond}: {fault}");
    }
}
