//! The grain curve as a picture: throughput against task size, both logarithmic, a line for each contender.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::contenders::Kind;
use crate::results::Results;

/// Where the empty task stands on an axis that has no zero.
const EMPTY_AT: f64 = 30.0;

const GRAINS: [(&str, f64); 6] = [
    ("grain_0", EMPTY_AT),
    ("grain_100", 100.0),
    ("grain_300", 300.0),
    ("grain_1000", 1_000.0),
    ("grain_3000", 3_000.0),
    ("grain_10000", 10_000.0),
];

/// Whether a workload is a point of the curve.
pub(crate) fn shows(workload: &str) -> bool {
    GRAINS.iter().any(|(name, _)| *name == workload)
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

/// The measured points of a contender: task size in nanoseconds, million tasks a second.
fn points(results: &Results, kind: Kind) -> Vec<(f64, f64)> {
    GRAINS
        .iter()
        .filter_map(|(row, grain)| Some((*grain, 1_000.0 / results.row(row)?.median(kind)?)))
        .collect()
}

/// Draws the curve; an error if nothing of it was measured.
pub(crate) fn grain_curve(results: &Results, path: &Path) -> Result<(), Box<dyn Error>> {
    let lines: Vec<(Kind, Vec<(f64, f64)>)> = Kind::ALL
        .into_iter()
        .map(|kind| (kind, points(results, kind)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let throughputs = lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (low, high) =
        throughputs.fold((f64::MAX, 0.0_f64), |(low, high), y| (low.min(y), high.max(y)));
    if high == 0.0 {
        return Err("every run of the grain curve failed".into());
    }

    let area = SVGBackend::new(path, (900, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let title = format!("Tasks a second against the size of a task, {} workers", results.workers);
    let mut chart = ChartBuilder::on(&area)
        .margin(18)
        .caption(title, ("sans-serif", 24))
        .x_label_area_size(56)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (24.0..13_000.0_f64).log_scale().with_key_points(GRAINS.map(|grain| grain.1).to_vec()),
            (low * 0.7..high * 1.4).log_scale().with_key_points(ticks(low * 0.7, high * 1.4)),
        )?;
    let axis = ("sans-serif", 18);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc("task size, ns of computing")
        .y_desc("million tasks a second")
        .x_label_formatter(&|&x| if x == EMPTY_AT { "empty".into() } else { format!("{x:.0}") })
        .y_label_formatter(&|y| format!("{y}"))
        .label_style(axis)
        .axis_desc_style(("sans-serif", 19))
        .draw()?;
    for (kind, points) in lines {
        let color = color(kind);
        let width = if kind == Kind::Raddle { 4 } else { 2 };
        let style = color.stroke_width(width);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(kind.label(results.workers))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
        chart.draw_series(points.iter().map(|&at| Circle::new(at, width + 1, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
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
