//! The table on the terminal, the targets in words, and the JSON.
//!
//! A loss is printed as plainly as a win: the last column names everybody who was faster than raddle's multi-thread
//! runtime (or, among locks and channels, than raddle-sync), and by how much. "Level" is a loss of less than five percent, which two runs may decide differently.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table,
    presets,
};
use serde::Serialize;

use crate::contenders::Kind;
use crate::measure::Summary;
use crate::results::{Failure, Results, Row};
use crate::targets::Check;
use crate::workloads::Group;

/// The ratios that are columns of their own.
const RATIOS: [(Kind, Kind); 3] =
    [(Kind::Raddle, Kind::Tokio), (Kind::Raddle, Kind::RaddleCt), (Kind::RaddleCt, Kind::Bare)];

/// Nearer than this, runs on a shared machine cannot tell who was faster.
const LEVEL: f64 = 1.05;

/// The tables of every group that was measured, and what failed.
pub(crate) fn tables(results: &Results, contenders: &[Kind]) -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let rows: Vec<&Row> = results.rows.iter().filter(|row| row.group == group.name()).collect();
        let took_part = |kind: &Kind| rows.iter().any(|row| row.cell(*kind).is_some());
        let columns: Vec<Kind> = contenders.iter().copied().filter(took_part).collect();
        if columns.is_empty() {
            continue;
        }
        let (title, workers) = (group.title(), results.workers);
        text += &format!("{title}, lower is better: median ± spread in %\n");
        text += &format!("{}\n\n", values_table(&rows, &columns, workers));
        text += "What it took: processor time per operation, context switches per run \
                 (voluntary/involuntary)\n";
        text += &format!("{}\n\n", costs_table(&rows, &columns, workers));
    }
    for Failure { workload, contender, error } in &results.failures {
        text += &format!("FAILED: {workload} on {}: {error}\n", contender.label(results.workers));
    }
    let disturbed = results.rows.iter().filter(|row| row.disturbed).count();
    if disturbed > 0 {
        text += &format!(
            "DISTURBED: {disturbed} rows, marked !. Something else was running, and the process did not get the {} \
             cores its workers want: what these rows say of several workers is not to be trusted.\n",
            results.cores_wanted()
        );
    }
    text + &format!(
        "Rounds, in turn: {}. The spread is the width of the middle half of the runs. Only ratios count, and those \
         closer than 5 % are to be run again.\n",
        results.rounds
    )
}

fn new_table(first: &str, columns: &[Kind], workers: usize, rest: &[String]) -> Table {
    let mut table = Table::new();
    let mut header = vec![Cell::new(first)];
    header.extend(columns.iter().map(|kind| Cell::new(kind.label(workers))));
    header.extend(rest.iter().map(Cell::new));
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    // On a narrow terminal the last column wraps, not the numbers.
    for column in 0..=columns.len() + rest.len().saturating_sub(1) {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text.to_string()).set_alignment(CellAlignment::Right)
}

fn values_table(rows: &[&Row], columns: &[Kind], workers: usize) -> Table {
    let has = |kind| columns.contains(&kind);
    let ratios: Vec<(Kind, Kind)> =
        RATIOS.into_iter().filter(|&(of, against)| has(of) && has(against)).collect();
    let mut rest: Vec<String> = ratios
        .iter()
        .map(|(of, against)| format!("{}\n/ {}", of.label(workers), against.label(workers)))
        .collect();
    let subject = if has(Kind::RaddleSync) { Kind::RaddleSync } else { Kind::Raddle };
    let versus_best = subject == Kind::RaddleSync;
    if versus_best {
        rest.push(format!("{}\n/ best rival", subject.name()));
    }
    if has(subject) {
        rest.push(format!("who beats {}, by", subject.label(workers)));
    }
    let mut table = new_table("workload", columns, workers, &rest);
    for row in rows {
        let unit = if row.unit.is_empty() { String::new() } else { format!(", {}", row.unit) };
        let mut cells = vec![Cell::new(format!("{}{unit}{}", row.name, mark(row)))];
        cells.extend(
            columns
                .iter()
                .map(|&kind| right(row.cell(kind).map_or("–".into(), |cell| value(&cell.value)))),
        );
        cells.extend(ratios.iter().map(|&(of, against)| ratio_cell(row.ratio(of, against))));
        if versus_best {
            let best = row.best_but(subject).map(|cell| cell.contender);
            cells.push(ratio_cell(best.and_then(|best| row.ratio(subject, best))));
        }
        if has(subject) {
            cells.push(losses_cell(row, subject));
        }
        table.add_row(cells);
    }
    table
}

fn mark(row: &Row) -> &'static str {
    if row.disturbed { " !" } else { "" }
}

fn ratio_cell(ratio: Option<f64>) -> Cell {
    let Some(ratio) = ratio else { return right("–") };
    let cell = right(format!("{ratio:.2}"));
    if ratio > 1.0 { cell.fg(Color::Red).add_attribute(Attribute::Bold) } else { cell }
}

/// Everybody who beat `subject`, and by how much; the yardsticks are not runtimes, and not named.
fn losses_cell(row: &Row, subject: Kind) -> Cell {
    let faster: Vec<(Kind, f64)> = row
        .cells
        .iter()
        .filter(|cell| cell.contender != subject && !cell.contender.is_yardstick())
        .filter_map(|cell| Some((cell.contender, row.ratio(subject, cell.contender)?)))
        .filter(|&(_, ratio)| ratio > 1.0)
        .collect();
    let named = |kept: &dyn Fn(f64) -> bool| {
        let names = faster.iter().filter(|(_, ratio)| kept(*ratio));
        names.map(|(kind, ratio)| format!("{} {ratio:.2}", kind.name())).collect::<Vec<_>>()
    };
    let (losses, level) = (named(&|ratio| ratio >= LEVEL), named(&|ratio| ratio < LEVEL));
    let mut parts = Vec::new();
    if !losses.is_empty() {
        parts.push(format!("LOSS to {}", losses.join(", ")));
    }
    if !level.is_empty() {
        parts.push(format!("level with {}", level.join(", ")));
    }
    let cell = Cell::new(parts.join("; "));
    if losses.is_empty() { cell } else { cell.fg(Color::Red) }
}

fn costs_table(rows: &[&Row], columns: &[Kind], workers: usize) -> Table {
    let mut table = new_table("workload", columns, workers, &[]);
    for row in rows.iter().filter(|row| row.is_first) {
        // Rows are named `workload metric`; the costs are the workload's.
        let mut cells = vec![Cell::new(row.name.split(' ').next().unwrap_or_default())];
        cells.extend(columns.iter().map(|&kind| {
            right(row.cell(kind).map_or("–".into(), |cell| {
                format!(
                    "{} ns {}/{}",
                    short(cell.cpu_ns_per_op),
                    short(cell.voluntary),
                    short(cell.involuntary)
                )
            }))
        }));
        table.add_row(cells);
    }
    table
}

fn value(summary: &Summary) -> String {
    format!("{} ±{:.0}", digits(summary.median), summary.spread_percent())
}

/// Three figures, or all of a whole number.
fn digits(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// At most four characters and a letter.
fn short(value: f64) -> String {
    match value {
        value if value < 9_999.5 => format!("{value:.0}"),
        value if value < 9_999_500.0 => format!("{:.0}k", value / 1_000.0),
        value => format!("{:.0}M", value / 1_000_000.0),
    }
}

/// Every target that was measured, met or missed; an error if there is none.
pub(crate) fn verdicts(checks: &[Check], results: &Results) -> Result<String, String> {
    if checks.is_empty() {
        return Err("no target could be checked: what it names was not measured".into());
    }
    let mut text = String::from("\nTargets\n");
    for check in checks {
        let verdict = if check.met { "met   " } else { "MISSED" };
        let close = if check.is_close() { " (within 5 %: run again)" } else { "" };
        let disturbed = if results.is_disturbed(&check.row) { " (disturbed)" } else { "" };
        text += &format!("  {verdict}  {:<18} {}{close}{disturbed}\n", check.row, check.terms);
    }
    let met = checks.iter().filter(|check| check.met).count();
    text += &format!("{met} of {} targets met\n", checks.len());
    if results.workers != 2 {
        text += &format!("The targets are stated for two workers, not for {}.\n", results.workers);
    }
    if checks.iter().any(|check| results.is_disturbed(&check.row)) {
        text += "The machine was busy with something else: where it says disturbed, this is no verdict.\n";
    }
    if results.quick {
        text += "Quick runs are too short for a verdict; one without --quick counts.\n";
    }
    Ok(text)
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    results: &'a Results,
    targets: &'a [Check],
}

/// Writes everything that was measured.
pub(crate) fn write_json(results: &Results, targets: &[Check], path: &Path) -> io::Result<()> {
    let file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(file, &Document { results, targets }).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_figures_and_stay_short() {
        assert_eq!([0.0, 0.123, 45.67, 1234.5].map(digits), ["0", "0.12", "45.7", "1234"]);
        assert_eq!([12.0, 12_345.0, 12_345_678.0].map(short), ["12", "12k", "12M"]);
    }
}
