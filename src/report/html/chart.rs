//! Numbers as lengths and points of inline SVG. No text is made here but numbers.

use serde::Serialize;

/// The size of a chart in its own units; the page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 120.0;
/// Room above the highest line.
const HEADROOM: f64 = 1.15;

/// A part of a whole as a piece of a bar of 100 units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) count: u64,
    /// How the page colours it: `good`, `fresh`, `calm`, `warn`, `bad`.
    pub(super) tone: &'static str,
    x: String,
    width: String,
}

/// Parts one after the other; those of zero are left out.
pub(super) fn stacked(parts: &[(&'static str, u64, &'static str)]) -> Vec<Part> {
    let whole: u64 = parts.iter().map(|(_, count, _)| count).sum();
    let mut from = 0.0;
    let mut pieces = Vec::new();
    for &(name, count, tone) in parts.iter().filter(|(_, count, _)| *count > 0) {
        let width = share(count, whole);
        pieces.push(Part { name, count, tone, x: number(from), width: number(width) });
        from += width;
    }
    pieces
}

/// A count as a length of at most 100, the largest being 100.
pub(super) fn length(count: u64, largest: u64) -> String {
    number(share(count, largest))
}

#[expect(clippy::cast_precision_loss, reason = "a length on a page")]
fn share(count: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { count as f64 * 100.0 / whole as f64 }
}

/// A line over time with the limit that it must stay below.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Curve {
    /// `points` of the area under the line.
    area: String,
    /// Where the limit is.
    limit_y: String,
    /// The limit is so far above the line that it would make it flat: it is written, not drawn.
    limit_is_far: bool,
    /// The number at the top of the chart.
    top: String,
    /// Where the run ends, as seconds.
    seconds: u64,
    /// The highest point.
    peak: String,
}

/// How many times as high as the peak a limit may be and still be drawn.
const FAR: f64 = 8.0;

/// Draws rates over time as steps; `seconds` is the whole length of the run.
#[expect(clippy::cast_precision_loss, reason = "drawn on a few hundred pixels")]
pub(super) fn curve(rates: &[(u64, f64)], width: u64, seconds: u64, limit: f64) -> Curve {
    let peak = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let limit_is_far = limit > peak * FAR;
    let top = if limit_is_far { peak } else { peak.max(limit) } * HEADROOM;
    let x = |second: u64| (second as f64 / seconds.max(1) as f64 * WIDTH).min(WIDTH);
    let y = |rate: f64| HEIGHT - if top > 0.0 { rate / top * HEIGHT } else { 0.0 };
    let mut area = format!("0,{}", number(HEIGHT));
    for (at, rate) in rates {
        let step = format!(" {},{y} {},{y}", number(x(*at)), number(x(at + width)), y = number(y(*rate)));
        area.push_str(&step);
    }
    let end = rates.last().map_or(0.0, |(at, _)| x(at + width));
    area.push_str(&format!(" {},{}", number(end), number(HEIGHT)));
    Curve { area, limit_y: number(y(limit)), limit_is_far, top: number(top), seconds, peak: number(peak) }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_bar_fill_it() {
        let parts = stacked(&[("a", 1, "good"), ("none", 0, "bad"), ("b", 3, "bad")]);
        let places: Vec<(&str, &str)> = parts.iter().map(|part| (&*part.x, &*part.width)).collect();
        assert_eq!(places, [("0.0", "25.0"), ("25.0", "75.0")]);
        assert!(stacked(&[("a", 0, "good")]).is_empty());
    }

    #[test]
    fn a_line_at_its_limit_touches_it() {
        let curve = curve(&[(0, 10.0), (1, 5.0)], 1, 2, 10.0);
        assert_eq!(curve.limit_y, "15.7");
        assert_eq!(curve.area, "0,120.0 0.0,15.7 320.0,15.7 320.0,67.8 640.0,67.8 640.0,120.0");
    }

    #[test]
    fn a_limit_far_above_does_not_flatten_the_line() {
        assert!(curve(&[(0, 10.0)], 1, 1, 1_000.0).limit_is_far);
    }
}
