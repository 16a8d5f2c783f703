//! Calls × faults × outcomes, as a table.

use std::collections::BTreeMap;
use std::fmt;

use crate::call::Call;
use crate::fault::Fault;

/// What became of each call with each fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// Calls in the order in which they are made.
    rows: Vec<String>,
    cells: BTreeMap<(String, Fault), Vec<String>>,
}

impl Matrix {
    /// Notes one more run. Calls of one kind share a row, and equal outcomes a word.
    pub fn note(&mut self, call: &Call, fault: Fault, outcome: &str) {
        let row = call.kind();
        if !self.rows.contains(&row) {
            self.rows.push(row.clone());
        }
        let cell = self.cells.entry((row, fault)).or_default();
        if !cell.iter().any(|known| known == outcome) {
            cell.push(outcome.to_owned());
        }
    }
}

impl fmt::Display for Matrix {
    /// As Markdown, aligned.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<Fault> =
            Fault::ALL.into_iter().filter(|fault| self.cells.keys().any(|(_, f)| f == fault)).collect();
        let cell = |row: &String, fault: &Fault| match self.cells.get(&(row.clone(), *fault)) {
            Some(outcomes) => outcomes.join(" "),
            None => "·".to_owned(),
        };
        let head =
            std::iter::once("call".to_owned()).chain(faults.iter().map(|fault| fault.name().to_owned()));
        let mut table: Vec<Vec<String>> = vec![head.collect()];
        for row in &self.rows {
            table.push(
                std::iter::once(row.clone()).chain(faults.iter().map(|fault| cell(row, fault))).collect(),
            );
        }
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..=faults.len()).map(width).collect();
        for (number, row) in table.iter().enumerate() {
            for (text, width) in row.iter().zip(&widths) {
                write!(f, "| {text:width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                for width in &widths {
                    write!(f, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}
