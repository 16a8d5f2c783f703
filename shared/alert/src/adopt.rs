//! Rule files of which each stands for itself: one with a fault is refused as a
//! whole and what it last was stands in for it; the others are not touched.

use std::collections::BTreeSet;

use crate::group::Group;
use crate::notify_settings::NotifySettings;
use crate::rule_error::RuleError;
use crate::rule_file;
use crate::rules::{RuleFile, RuleSet};

/// A file that is to be used, and what may stand in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its name. A stand-in goes under it too.
    pub name: String,
    /// Its text, or why it has none.
    pub text: Result<String, String>,
    /// What it was before, the latest first.
    pub stand_ins: Vec<String>,
}

impl From<RuleFile> for Offered {
    fn from(file: RuleFile) -> Self {
        Self { name: file.name, text: Ok(file.text), stand_ins: Vec::new() }
    }
}

/// What came of a set of files.
#[derive(Debug, Clone, Default)]
pub struct Adopted {
    /// The rules to use.
    pub set: RuleSet,
    /// Every fault of every file that was refused.
    pub faults: Vec<RuleError>,
    /// The files that are in use, ordered as they were offered.
    pub in_use: Vec<RuleFile>,
}

impl RuleSet {
    /// The rules of these files, where names of groups are unique: of two files with a
    /// group of one name the later is the faulty one.
    pub fn adopt(offered: Vec<Offered>) -> Adopted {
        let mut groups: Vec<Group> = Vec::new();
        let mut settings = NotifySettings::default();
        let mut adopted = Adopted::default();
        for Offered { name, text, stand_ins } in offered {
            let mut candidates = Vec::new();
            match text {
                Ok(text) => candidates.push(text),
                Err(message) => adopted.faults.push(whole_file(&name, None, message)),
            }
            // Only the faults of the file itself are of interest to whoever wrote it.
            let mut is_stand_in = candidates.is_empty();
            candidates.extend(stand_ins);
            for text in candidates {
                let file = RuleFile { name: name.clone(), text };
                let found = if NotifySettings::is_their_file(&file.name) {
                    NotifySettings::parse(&file).map(|found| settings = found)
                } else {
                    read_beside(&groups, &file).map(|found| groups.extend(found))
                };
                match found {
                    Ok(()) => {
                        adopted.in_use.push(file);
                        break;
                    }
                    Err(faults) if !is_stand_in => adopted.faults.extend(faults),
                    Err(_) => {}
                }
                is_stand_in = true;
            }
        }
        adopted.set = Self::of(groups, settings);
        adopted
    }
}

/// The groups of a file without a fault, none of which is there already.
fn read_beside(groups: &[Group], file: &RuleFile) -> Result<Vec<Group>, Vec<RuleError>> {
    let (found, mut faults) = rule_file::read(file);
    let mut names: BTreeSet<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    for group in &found {
        if !names.insert(&group.name) {
            let message = "another group has this name; groups need names of their own";
            faults.push(whole_file(&file.name, Some(group.name.clone()), message.to_owned()));
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(faults) }
}

fn whole_file(name: &str, group: Option<String>, message: String) -> RuleError {
    RuleError { file: name.to_owned(), group, rule: None, line: 0, column: 0, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(group: &str, alert: &str, expr: &str) -> String {
        format!("groups:\n- name: {group}\n  rules:\n  - alert: {alert}\n    expr: {expr}\n")
    }

    fn good(group: &str, alert: &str) -> String {
        text(group, alert, "rate({a=\"b\"}[5m]) > 1")
    }

    fn offered(name: &str, text: String, stand_ins: &[String]) -> Offered {
        Offered { name: name.into(), text: Ok(text), stand_ins: stand_ins.to_vec() }
    }

    fn alerts(adopted: &Adopted) -> Vec<&str> {
        adopted.set.rules().map(|rule| rule.name.as_str()).collect()
    }

    #[test]
    fn a_faulty_file_is_refused_whole_and_the_others_are_used() {
        let half_good = format!("{}  - alert: Bad\n    expr: summ(1)\n    fro: 1m\n", good("b", "Good"));
        let files = vec![
            offered("a.yaml", good("a", "A"), &[]),
            offered("b.yaml", half_good, &[]),
            offered("c.yaml", good("c", "C"), &[]),
        ];
        let adopted = RuleSet::adopt(files);
        assert_eq!(alerts(&adopted), ["A", "C"], "a rule without a fault goes with its file");
        assert_eq!(adopted.faults.len(), 2, "every fault is told: {:?}", adopted.faults);
        assert!(adopted.faults.iter().all(|fault| fault.file == "b.yaml"));
        assert_eq!(
            adopted.in_use.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            ["a.yaml", "c.yaml"]
        );
    }

    #[test]
    fn the_latest_good_text_stands_in() {
        let bad = text("a", "Bad", "summ(1)");
        let adopted = RuleSet::adopt(vec![offered(
            "a.yaml",
            bad.clone(),
            &[bad.clone(), good("a", "Last"), good("a", "Older")],
        )]);
        assert_eq!(alerts(&adopted), ["Last"]);
        assert_eq!(adopted.faults.len(), 1, "a stand-in's own faults are old news");
        assert_eq!(adopted.in_use[0].text, good("a", "Last"));

        let gone = Offered {
            name: "a.yaml".into(),
            text: Err("it is gone".into()),
            stand_ins: vec![good("a", "Last")],
        };
        let adopted = RuleSet::adopt(vec![gone]);
        assert_eq!(alerts(&adopted), ["Last"]);
        assert_eq!(adopted.faults[0].to_string(), "rule file a.yaml: it is gone");
    }

    #[test]
    fn of_two_groups_with_one_name_the_later_file_is_faulty() {
        let files = vec![
            offered("a.yaml", good("g", "First"), &[]),
            offered("b.yaml", good("g", "Second"), &[good("g", "StandIn"), good("other", "Older")]),
        ];
        let adopted = RuleSet::adopt(files);
        assert_eq!(alerts(&adopted), ["First", "Older"]);
        let told: Vec<_> = adopted.faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["rule file b.yaml, group \"g\": another group has this name; groups need names of their own"]
        );

        let twice = good("g", "One") + &good("g", "Two").replace("groups:\n", "");
        let adopted = RuleSet::adopt(vec![offered("a.yaml", twice, &[])]);
        assert!(adopted.faults.len() == 1 && alerts(&adopted).is_empty(), "in one file too");
    }
}
