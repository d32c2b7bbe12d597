//! The verdict in plain English. Says only what was measured, and never argues against the score.

use crate::analysis::{Analysis, InconclusiveReason, Segment, Verdict};
use crate::features::COMPARED;
use crate::reference::Reference;

/// For a recording that was not scored.
pub(crate) const NO_SPEECH: &str = "No speech was found in this recording, so there is nothing to judge: the result is inconclusive.";

/// At most this many unusual measurements are named; the rest is in the features.
const MAX_COMPARISONS: usize = 2;

/// Segments are named where the strongest differs from the weakest by at least this probability: else the score
/// comes from all of the recording alike.
const MIN_SEGMENT_CONTRAST: f64 = 0.1;

/// One or two sentences, three where the result is inconclusive.
pub(crate) fn explain(analysis: &Analysis, reference: &Reference) -> String {
    let mut sentences = Vec::new();
    if let Some(reason) = analysis.inconclusive {
        sentences.push(inconclusive(reason, analysis));
    }
    sentences.push(verdict(analysis));
    sentences.extend(comparisons(analysis, reference));
    sentences.join(" ")
}

fn inconclusive(reason: InconclusiveReason, analysis: &Analysis) -> String {
    match reason {
        InconclusiveReason::NoSpeech => NO_SPEECH.to_owned(),
        InconclusiveReason::TooShort => format!(
            "Inconclusive: with {:.1} s of speech the recording is too short for a reliable verdict.",
            analysis.audio.speech_seconds
        ),
        InconclusiveReason::TooNoisy => {
            let ratio = analysis.features.temporal_features.signal_to_noise_db;
            let measured = ratio.map(|ratio| format!(" (about {ratio:.0} dB)")).unwrap_or_default();
            format!("Inconclusive: speech barely stands out from the background{measured}.")
        }
        InconclusiveReason::ConflictingSegments => {
            "Inconclusive: parts of the recording look clearly machine-made and others clearly human."
                .to_owned()
        }
    }
}

fn verdict(analysis: &Analysis) -> String {
    let percent = percent(analysis.score);
    let seconds = analysis.audio.speech_seconds;
    let where_from = strongest(analysis)
        .map(|segment| range(&segment))
        .unwrap_or_default();
    match analysis.verdict {
        Verdict::Spoof => format!(
            "The model gives {percent} probability of machine-made speech over {seconds:.1} s of speech{where_from}."
        ),
        Verdict::BonaFide => format!(
            "The model gives {percent} probability of machine-made speech over {seconds:.1} s of speech, \
             below its threshold{where_from}."
        ),
    }
}

fn percent(score: f64) -> String {
    match score * 100.0 {
        percent if percent > 0.0 && percent < 1.0 => "less than 1 %".to_owned(),
        percent if percent > 99.0 && percent < 100.0 => "more than 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// The segment that drove the score, where one did.
fn strongest(analysis: &Analysis) -> Option<Segment> {
    let by_score = |a: &&Segment, b: &&Segment| a.score.total_cmp(&b.score);
    let highest = analysis.segments.iter().max_by(by_score)?;
    let lowest = analysis.segments.iter().min_by(by_score)?;
    let has_contrast = highest.score - lowest.score >= MIN_SEGMENT_CONTRAST;
    has_contrast.then_some(*highest)
}

fn range(segment: &Segment) -> String {
    format!(
        ", strongest between {:.1} s and {:.1} s ({})",
        segment.start,
        segment.end,
        percent(segment.score)
    )
}

/// Measurements outside what nine in ten recordings of people have. Where the verdict is bona fide they are said not
/// to have changed it.
fn comparisons(analysis: &Analysis, reference: &Reference) -> Option<String> {
    let mut compared = 0;
    let mut unusual = Vec::new();
    for entry in COMPARED {
        let (Some(range), Some(value)) = (
            reference.features.get(entry.key),
            entry.value(&analysis.features),
        ) else {
            continue;
        };
        compared += 1;
        if !range.contains(value) {
            let side = if value < range.p5 { "low" } else { "high" };
            let unit = if entry.unit.is_empty() {
                String::new()
            } else {
                format!(" {}", entry.unit)
            };
            unusual.push(format!(
                "{side} {} ({}{unit}; usual is {} to {})",
                entry.label,
                entry.number(value),
                entry.number(range.p5),
                entry.number(range.p95),
            ));
        }
    }
    if compared == 0 {
        return None;
    }
    unusual.truncate(MAX_COMPARISONS);
    Some(match (unusual.is_empty(), analysis.verdict) {
        (true, Verdict::BonaFide) => {
            format!("All {compared} compared measurements are usual for recordings of people.")
        }
        (true, Verdict::Spoof) => format!(
            "The score comes from finer detail than the {compared} compared measurements, which are in their usual ranges."
        ),
        (false, Verdict::Spoof) => {
            format!(
                "Unusual among recordings of people: {}.",
                unusual.join(" and ")
            )
        }
        (false, Verdict::BonaFide) => {
            format!(
                "Unusual, but not decisive for the model: {}.",
                unusual.join(" and ")
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::AudioInfo;
    use crate::features::Features;

    fn analysis(score: f64, pitch_deviation_semitones: f64) -> Analysis {
        let mut features = Features::default();
        features.voice_features.pitch_deviation_semitones = Some(pitch_deviation_semitones);
        Analysis {
            score,
            log_likelihood_ratio: (score / (1.0 - score)).ln(),
            verdict: if score >= 0.5 {
                Verdict::Spoof
            } else {
                Verdict::BonaFide
            },
            inconclusive: None,
            segments: Vec::new(),
            features,
            explanation: String::new(),
            audio: AudioInfo {
                container: "wav".to_owned(),
                codec: "pcm_s16le".to_owned(),
                sample_rate_hz: 16_000,
                channels: 1,
                seconds: 5.0,
                speech_seconds: 4.0,
            },
        }
    }

    fn reference() -> Reference {
        let json = br#"{"features": {"voice_features.pitch_deviation_semitones":
            {"p1": 0.8, "p5": 1.5, "p25": 2.0, "p50": 2.5, "p75": 3.0, "p95": 5.0, "p99": 6.0}}, "clips": 10}"#;
        Reference::parse(json).expect("a valid reference")
    }

    #[test]
    fn an_unusual_measurement_is_named_with_what_is_usual() {
        let low = explain(&analysis(0.9, 0.62), &reference());
        assert!(
            low.contains("low pitch variation (0.6 semitones; usual is 1.5 to 5.0)"),
            "{low}"
        );
        let high = explain(&analysis(0.9, 7.0), &reference());
        assert!(
            high.contains("high pitch variation (7.0 semitones"),
            "{high}"
        );
    }

    #[test]
    fn an_unusual_measurement_does_not_argue_against_a_bona_fide_verdict() {
        let text = explain(&analysis(0.1, 0.62), &reference());
        assert!(
            text.contains("not decisive for the model: low pitch variation"),
            "{text}"
        );
    }

    #[test]
    fn usual_measurements_do_not_argue_against_a_spoof_verdict() {
        let text = explain(&analysis(0.9, 2.5), &reference());
        assert!(text.contains("finer detail than the 1 compared"), "{text}");
        assert!(!text.contains("people"), "{text}");
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let mut unmeasured = analysis(0.9, 2.5);
        unmeasured.features = Features::default();
        let text = explain(&unmeasured, &reference());
        assert!(!text.contains("usual"), "{text}");
        assert!(!explain(&analysis(0.9, 0.1), &Reference::default()).contains("usual"));
    }
}
