//! A query's life in Athena: started, waited for, its rows read page by page.

use std::time::Duration;

use aws_sdk_athena::Client;
use aws_sdk_athena::types::{
    QueryExecution, QueryExecutionContext, QueryExecutionState, ResultSet, StatementType,
};

use crate::failure::{Failure, of_athena, one_line};

/// The first pause between two looks at a running query; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Athena's name for its type (`varchar`, `bigint` ...).
    pub kind: String,
}

/// One row: as many values as there are columns; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// What a finished query cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Bytes that Athena read, which is what it bills.
    pub scanned_bytes: u64,
    /// Milliseconds from submission to the end, as Athena counts.
    pub total_ms: u64,
}

/// A query that Athena has taken.
pub struct Query<'a> {
    client: &'a Client,
    workgroup: &'a str,
    id: String,
}

impl<'a> Query<'a> {
    /// Hands `sql` to Athena.
    pub async fn start(
        client: &'a Client,
        workgroup: &'a str,
        database: &str,
        sql: &str,
    ) -> Result<Self, Failure> {
        let context = QueryExecutionContext::builder().database(database).build();
        let call = client.start_query_execution().work_group(workgroup);
        let call = call.query_execution_context(context).query_string(sql);
        let answer = call.send().await.map_err(|err| of_athena(err, workgroup))?;
        let id = answer.query_execution_id.unwrap_or_default();
        Ok(Self { client, workgroup, id })
    }

    /// Athena's id of the query.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits for the end; `progress` is told state and cost at every look.
    pub async fn finish(&self, mut progress: impl FnMut(&str, Cost)) -> Result<QueryExecution, Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let call = self.client.get_query_execution().query_execution_id(&self.id).send();
            let answer = call.await.map_err(|err| of_athena(err, self.workgroup))?;
            let execution = answer.query_execution.unwrap_or_else(|| QueryExecution::builder().build());
            let status = execution.status();
            let state = status.and_then(|s| s.state()).unwrap_or(&QueryExecutionState::Queued);
            progress(state.as_str(), cost(&execution));
            let reason = || one_line(status.and_then(|s| s.state_change_reason()).unwrap_or_default());
            match state {
                QueryExecutionState::Succeeded => return Ok(execution),
                QueryExecutionState::Failed => return Err(self.failed(&reason())),
                QueryExecutionState::Cancelled => {
                    return Err(Failure::Rejected(format!("the query was cancelled: {}", reason())));
                }
                _ => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Stops it.
    pub async fn stop(&self) {
        let call = self.client.stop_query_execution().query_execution_id(&self.id);
        // Whether it worked changes nothing for a user who is leaving.
        call.send().await.ok();
    }

    /// The rows of a finished query, at most `limit`, and whether there were more.
    pub async fn rows(
        &self,
        execution: &QueryExecution,
        limit: u64,
        mut take: impl FnMut(&[Column], Row) -> Result<(), Failure>,
    ) -> Result<Taken, Failure> {
        let mut taken = Taken::default();
        // The first row of a SELECT's answer is its header; of a SHOW's it is not.
        let mut skip_header = execution.statement_type() == Some(&StatementType::Dml);
        let mut token = None;
        loop {
            let call = self.client.get_query_results().query_execution_id(&self.id);
            let answer = call.set_next_token(token).send().await;
            let answer = answer.map_err(|err| of_athena(err, self.workgroup))?;
            let (columns, rows) = page(answer.result_set);
            if !columns.is_empty() {
                taken.columns = columns;
            }
            for row in rows.into_iter().skip(usize::from(std::mem::take(&mut skip_header))) {
                if taken.rows == limit {
                    taken.more = true;
                    return Ok(taken);
                }
                take(&taken.columns, row)?;
                taken.rows += 1;
            }
            match answer.next_token {
                Some(next) => token = Some(next),
                None => return Ok(taken),
            }
        }
    }

    fn failed(&self, reason: &str) -> Failure {
        let lower = reason.to_ascii_lowercase();
        if lower.contains("schema_not_found") || lower.contains("database_not_found") {
            return Failure::NotFound(format!(
                "the database is not there ({reason}); name it with --database, and check --region"
            ));
        }
        Failure::Rejected(format!("the query failed: {reason}"))
    }
}

/// What [`Query::rows`] has handed over.
#[derive(Debug, Default)]
pub struct Taken {
    /// The columns, also of an answer without rows.
    pub columns: Vec<Column>,
    /// How many rows.
    pub rows: u64,
    /// Whether the limit left some out.
    pub more: bool,
}

/// What a query has cost so far.
pub fn cost(execution: &QueryExecution) -> Cost {
    let number = |value: Option<i64>| value.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let statistics = execution.statistics();
    Cost {
        scanned_bytes: number(statistics.and_then(|s| s.data_scanned_in_bytes())),
        total_ms: number(statistics.and_then(|s| s.total_execution_time_in_millis())),
    }
}

fn page(result: Option<ResultSet>) -> (Vec<Column>, Vec<Row>) {
    let Some(result) = result else {
        return Default::default();
    };
    let columns = result.result_set_metadata.and_then(|m| m.column_info).unwrap_or_default();
    let columns: Vec<Column> = columns.into_iter().map(|c| Column { name: c.name, kind: c.r#type }).collect();
    let rows = result.rows.unwrap_or_default().into_iter().map(|row| {
        let mut values: Row = row.data.unwrap_or_default().into_iter().map(|d| d.var_char_value).collect();
        // DDL answers may have rows shorter than their columns.
        values.resize(columns.len().max(values.len()), None);
        values
    });
    let rows = rows.collect();
    (columns, rows)
}
