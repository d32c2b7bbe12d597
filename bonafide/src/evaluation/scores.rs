//! `scores.csv`: every column of the manifest, and what the detector said.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use bonafide_detector::Verdict;
use serde::Serialize;

use super::manifest::{Entry, Manifest};
use crate::recordings::Outcome;

/// The columns that are added: calibrated probability of spoof, its log-likelihood ratio, verdict, reason where the
/// verdict should not be relied on, seconds of audio, milliseconds of work, and the error's code where there is one.
const ADDED: [&str; 7] = [
    "score",
    "log_likelihood_ratio",
    "verdict",
    "inconclusive",
    "seconds",
    "milliseconds",
    "error",
];

/// Writes scores, one line per recording.
pub(crate) struct ScoresFile<W: Write> {
    writer: csv::Writer<W>,
}

impl ScoresFile<File> {
    /// Makes the file, before any work is done for it. Refuses to overwrite the manifest.
    pub(crate) fn create(
        path: &Path,
        manifest_path: &Path,
        manifest: &Manifest,
    ) -> anyhow::Result<Self> {
        let is_manifest = match (path.canonicalize(), manifest_path.canonicalize()) {
            (Ok(path), Ok(manifest_path)) => path == manifest_path,
            _ => false,
        };
        ensure!(
            !is_manifest,
            "the scores would overwrite the manifest; choose another file with --scores"
        );
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Self::new(file, manifest).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl<W: Write> ScoresFile<W> {
    fn new(output: W, manifest: &Manifest) -> anyhow::Result<Self> {
        let mut writer = csv::Writer::from_writer(output);
        writer.write_record(columns(&manifest.columns))?;
        Ok(Self { writer })
    }

    /// Adds one recording.
    pub(crate) fn add(&mut self, entry: &Entry, outcome: &Outcome) -> anyhow::Result<()> {
        let milliseconds = format!("{:.3}", outcome.milliseconds);
        let added = match &outcome.analysis {
            Ok(analysis) => [
                analysis.score.to_string(),
                analysis.log_likelihood_ratio.to_string(),
                word(verdict(analysis.verdict)),
                analysis.inconclusive.map(word).unwrap_or_default(),
                format!("{:.3}", analysis.audio.seconds),
                milliseconds,
                String::new(),
            ],
            Err(failure) => {
                let none = String::new;
                [
                    none(),
                    none(),
                    none(),
                    none(),
                    none(),
                    milliseconds,
                    failure.code.to_owned(),
                ]
            }
        };
        self.writer
            .write_record(entry.values.iter().chain(&added))?;
        Ok(())
    }

    /// Makes sure that everything is written.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.writer.flush()?)
    }
}

/// The verdict in the words of the manifest's labels, so that the two columns can be compared.
fn verdict(verdict: Verdict) -> super::manifest::Label {
    match verdict {
        Verdict::BonaFide => super::manifest::Label::BonaFide,
        Verdict::Spoof => super::manifest::Label::Spoof,
    }
}

/// The word by which serde writes a variant without fields.
fn word(variant: impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The manifest's columns and ours. One of the manifest's that has a name of ours is kept as `input_<name>`.
fn columns(manifest: &[String]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for name in manifest {
        let mut name = name.clone();
        while ADDED.contains(&name.as_str()) || columns.contains(&name) {
            name.insert_str(0, "input_");
        }
        columns.push(name);
    }
    columns.extend(ADDED.map(ToOwned::to_owned));
    columns
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Label;
    use super::*;
    use crate::recordings::Failure;

    #[test]
    fn columns_of_the_manifest_are_kept_even_where_they_have_a_name_of_ours() {
        let manifest = ["file", "label", "seconds", "input_score", "score"].map(ToOwned::to_owned);
        assert_eq!(
            columns(&manifest)[..5],
            [
                "file",
                "label",
                "input_seconds",
                "input_score",
                "input_input_score"
            ]
        );
    }

    #[test]
    fn a_recording_without_analysis_has_a_line_with_its_error() {
        let entry = Entry {
            values: vec!["a.mp3".into(), "spoof, surely".into()],
            path: "a.mp3".into(),
            label: Label::Spoof,
        };
        let manifest = Manifest {
            columns: vec!["file".into(), "label".into()],
            entries: vec![entry.clone()],
        };
        let failure = Failure {
            code: "empty_audio",
            message: "the recording is empty".into(),
        };
        let mut written = Vec::new();
        let mut scores = ScoresFile::new(&mut written, &manifest).unwrap();
        scores
            .add(
                &entry,
                &Outcome {
                    analysis: Err(failure),
                    milliseconds: 1.5,
                },
            )
            .unwrap();
        scores.finish().unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "file,label,score,log_likelihood_ratio,verdict,inconclusive,seconds,milliseconds,error\n\
             a.mp3,\"spoof, surely\",,,,,,1.500,empty_audio\n"
        );
    }
}
