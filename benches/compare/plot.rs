//! Curves as pictures, a line for each contender and both axes logarithmic: throughput against the size of a task, and the
//! time for a deadline against how many are pending.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::contenders::Kind;
use crate::results::Results;

/// Where the empty task stands on an axis that has no zero.
const EMPTY_AT: f64 = 30.0;

/// What is drawn of which rows.
struct Curve {
    title: &'static str,
    x_desc: &'static str,
    y_desc: &'static str,
    /// Workloads, and where they stand.
    workloads: &'static [(&'static str, f64)],
    /// What is drawn of a workload: the names of metrics, and what a line is called. One without a name is all there is.
    metrics: &'static [(&'static str, &'static str)],
    /// What is drawn of a row's nanoseconds.
    y: fn(f64) -> f64,
    x_label: fn(f64) -> String,
    /// Where the lines leave room for their names.
    names: SeriesLabelPosition,
}

const CURVES: [Curve; 2] = [
    Curve {
        title: "Tasks a second against the size of a task",
        x_desc: "task size, ns of computing",
        y_desc: "million tasks a second",
        workloads: &[
            ("grain_0", EMPTY_AT),
            ("grain_100", 100.0),
            ("grain_300", 300.0),
            ("grain_1000", 1_000.0),
            ("grain_3000", 3_000.0),
            ("grain_10000", 10_000.0),
        ],
        metrics: &[("", "")],
        y: |ns| 1_000.0 / ns,
        x_label: |x| if x == EMPTY_AT { "empty".into() } else { format!("{x:.0}") },
        names: SeriesLabelPosition::LowerLeft,
    },
    Curve {
        title: "Setting and dropping one sleep against how many are pending",
        x_desc: "sleeps pending",
        y_desc: "ns to set one and drop one",
        workloads: &[
            ("pending_1000", 1e3),
            ("pending_10000", 1e4),
            ("pending_100000", 1e5),
            ("pending_1000000", 1e6),
            ("pending_10000000", 1e7),
        ],
        metrics: &[(" set", ", the same one"), (" replace", ", another, at random")],
        y: |ns| ns,
        x_label: |x| format!("{x:.0}"),
        names: SeriesLabelPosition::UpperLeft,
    },
];

impl Curve {
    fn shows(&self, workload: &str) -> bool {
        self.workloads.iter().any(|(name, _)| *name == workload)
    }

    /// The measured points of a contender.
    fn points(&self, metric: &str, results: &Results, kind: Kind) -> Vec<(f64, f64)> {
        let point = |(workload, x): &(&str, f64)| {
            let row = results.row(&format!("{workload}{metric}"))?;
            Some((*x, (self.y)(row.median(kind)?)))
        };
        self.workloads.iter().filter_map(point).collect()
    }

    /// The contenders' lines: whose, what, and the points.
    fn lines(&self, results: &Results) -> Vec<Line> {
        let mut lines = Vec::new();
        for kind in Kind::ALL {
            for (nth, (metric, about)) in self.metrics.iter().enumerate() {
                let points = self.points(metric, results, kind);
                if !points.is_empty() {
                    let label = format!("{}{about}", kind.label(results.workers));
                    lines.push(Line { kind, label, is_first: nth == 0, points });
                }
            }
        }
        lines
    }
}

struct Line {
    kind: Kind,
    label: String,
    /// Of the contender's lines.
    is_first: bool,
    points: Vec<(f64, f64)>,
}

/// Whether a workload is a point of a curve.
pub(crate) fn shows(workload: &str) -> bool {
    CURVES.iter().any(|curve| curve.shows(workload))
}

/// One hue for a family: the multi-thread flavor full, the single-threaded one lighter.
fn color(kind: Kind) -> RGBColor {
    match kind {
        Kind::Raddle => RGBColor(196, 60, 30),
        Kind::RaddleCt => RGBColor(232, 150, 110),
        Kind::Tokio => RGBColor(35, 95, 170),
        Kind::TokioCt => RGBColor(125, 175, 225),
        Kind::Smol => RGBColor(45, 135, 85),
        _ => RGBColor(120, 120, 120),
    }
}

/// Draws the curve that was measured; an error if none was.
pub(crate) fn draw(results: &Results, path: &Path) -> Result<(), Box<dyn Error>> {
    let lines = CURVES.iter().map(|curve| (curve, curve.lines(results)));
    let measured = lines.into_iter().find(|(_, lines)| !lines.is_empty());
    let (curve, lines) = measured.ok_or("no curve was measured, or every run of it failed")?;
    let heights = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
    let (low, high) = heights.fold((f64::MAX, 0.0_f64), |(low, high), y| (low.min(y), high.max(y)));

    let area = SVGBackend::new(path, (900, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let title = format!("{}, {} workers", curve.title, results.workers);
    let marks: Vec<f64> = curve.workloads.iter().map(|workload| workload.1).collect();
    let (first, last) = (marks[0], marks[marks.len() - 1]);
    let mut chart = ChartBuilder::on(&area)
        .margin(18)
        .caption(title, ("sans-serif", 24))
        .x_label_area_size(56)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (first * 0.8..last * 1.3).log_scale().with_key_points(marks),
            (low * 0.7..high * 1.4).log_scale().with_key_points(ticks(low * 0.7, high * 1.4)),
        )?;
    let axis = ("sans-serif", 18);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc(curve.x_desc)
        .y_desc(curve.y_desc)
        .x_label_formatter(&|&x| (curve.x_label)(x))
        .y_label_formatter(&|y| format!("{y}"))
        .label_style(axis)
        .axis_desc_style(("sans-serif", 19))
        .draw()?;
    for Line { kind, label, is_first, points } in lines {
        let color = color(kind).mix(if is_first { 1.0 } else { 0.5 });
        let width = if kind == Kind::Raddle { 4 } else { 2 };
        let style = color.stroke_width(width);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
        chart.draw_series(points.iter().map(|&at| Circle::new(at, width + 1, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(curve.names.clone())
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font(axis)
        .draw()?;
    area.present()?;
    Ok(())
}

/// The 1, 2 and 5 of every decade between `low` and `high`.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    (-4..6)
        .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)))
        .filter(|tick| (low..=high).contains(tick))
        .collect()
}
