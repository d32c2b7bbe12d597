//! `bonafide evaluate`: the detector on labelled recordings.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::journey::number;
use crate::process::bonafide;
use crate::recordings::{FORMATS, Speaker};

/// A folder with labelled recordings and their manifest.
struct Corpus {
    folder: TempDir,
    rows: usize,
}

impl Corpus {
    /// Everybody in every format, and a broken file. `system` is a column to group by, `note` one that needs quoting.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = csv::Writer::from_path(folder.path().join("manifest.csv")).unwrap();
        manifest
            .write_record(["file", "label", "system", "note"])
            .unwrap();
        let mut rows = 0;
        for speaker in Speaker::ALL {
            let (label, system) = match speaker {
                Speaker::Human => ("bonafide", "-"),
                Speaker::EspeakNg => ("spoof", "espeak-ng"),
                Speaker::Flite => ("spoof", "flite"),
            };
            for format in &FORMATS {
                let recording = speaker.recording(format);
                let name = format!("{rows}.{}", format.extension);
                std::fs::write(folder.path().join(&name), &recording.bytes).unwrap();
                manifest
                    .write_record([&name, label, system, "said \"so\", twice"])
                    .unwrap();
                rows += 1;
            }
        }
        std::fs::write(folder.path().join("broken.mp3"), "no sound at all").unwrap();
        manifest
            .write_record(["broken.mp3", "spoof", "flite", ""])
            .unwrap();
        manifest.flush().unwrap();
        Self {
            folder,
            rows: rows + 1,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_evaluation_gives_scores_per_recording_and_figures_overall_and_per_group() {
    let corpus = Corpus::new();
    let (manifest, scores) = (corpus.path("manifest.csv"), corpus.path("scores.csv"));
    let output = bonafide(&[
        "evaluate",
        text(&manifest),
        "--by",
        "system",
        "--by",
        "label",
        "--scores",
        text(&scores),
        "--json",
    ]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let mut reader = csv::Reader::from_path(&scores).unwrap();
    let header: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(header[..4], ["file", "label", "system", "note"]);
    for column in ["score", "verdict", "seconds", "milliseconds", "error"] {
        assert!(
            header.iter().any(|name| name == column),
            "{column} is not in {header:?}"
        );
    }
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), corpus.rows);
    let at = |row: &csv::StringRecord, column: &str| {
        row[header.iter().position(|name| name == column).unwrap()].to_owned()
    };
    let (broken, good) = rows.split_last().unwrap();
    assert_eq!(at(broken, "error"), "unsupported_audio");
    assert_eq!(at(broken, "score"), "");
    for (number, row) in good.iter().enumerate() {
        assert!(
            at(row, "file").starts_with(&format!("{number}.")),
            "rows are in the order of the manifest"
        );
        assert_eq!(at(row, "note"), "said \"so\", twice");
        assert_eq!(at(row, "error"), "");
        let score: f64 = at(row, "score").parse().unwrap();
        assert!((0.0..=1.0).contains(&score));
        assert!(["bonafide", "spoof"].contains(&at(row, "verdict").as_str()));
        assert!(at(row, "seconds").parse::<f64>().unwrap() > 5.0);
        assert!(at(row, "milliseconds").parse::<f64>().unwrap() > 0.0);
    }

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let overall = &report["overall"];
    assert_eq!(
        (
            &overall["files"],
            &overall["errors"],
            &overall["bonafide"],
            &overall["spoof"]
        ),
        (
            &json!(corpus.rows),
            &json!(1),
            &json!(FORMATS.len()),
            &json!(2 * FORMATS.len())
        )
    );
    let eer = number(&overall["eer"]);
    let interval = overall["eer_interval"].as_array().unwrap();
    assert!(
        number(&interval[0]) <= eer && eer <= number(&interval[1]),
        "{overall}"
    );
    assert_eq!(area_under_curve(good, &header), number(&overall["auc"]));
    for figure in ["min_dcf", "cllr", "fpr", "fnr"] {
        assert!(number(&overall[figure]) >= 0.0, "{figure}: {overall}");
    }
    // What the table says at the shipped threshold is what the rows say.
    let called_spoof = |label: &str| {
        let of_label: Vec<_> = good
            .iter()
            .filter(|row| at(row, "label") == label)
            .collect();
        of_label
            .iter()
            .filter(|row| at(row, "verdict") == "spoof")
            .count() as f64
            / of_label.len() as f64
    };
    assert!((number(&overall["fpr"]) - called_spoof("bonafide")).abs() < 1e-9);
    assert!((number(&overall["fnr"]) - (1.0 - called_spoof("spoof"))).abs() < 1e-9);

    let by_system = report["by"]
        .as_array()
        .unwrap()
        .iter()
        .find(|grouping| grouping["column"] == "system")
        .unwrap();
    let groups: Vec<(&str, &Value)> = by_system["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["value"].as_str().unwrap(), &group["files"]))
        .collect();
    let (files, with_broken) = (json!(FORMATS.len()), json!(FORMATS.len() + 1));
    assert_eq!(
        groups,
        [
            ("-", &files),
            ("espeak-ng", &files),
            ("flite", &with_broken)
        ]
    );
    assert_eq!(report["errors"].as_array().unwrap().len(), 1);
    assert_eq!(report["errors"][0]["error"]["code"], "unsupported_audio");
}

/// By its definition: how often a spoof recording scores above a bona fide one, half for a tie.
fn area_under_curve(rows: &[csv::StringRecord], header: &[String]) -> f64 {
    let position = |column: &str| header.iter().position(|name| name == column).unwrap();
    let (label, ratio) = (position("label"), position("log_likelihood_ratio"));
    let of = |wanted: &str| -> Vec<f64> {
        rows.iter()
            .filter(|row| &row[label] == wanted)
            .map(|row| row[ratio].parse().unwrap())
            .collect()
    };
    let (bona_fide, spoof) = (of("bonafide"), of("spoof"));
    let won: f64 = spoof
        .iter()
        .flat_map(|spoof| {
            bona_fide
                .iter()
                .map(move |bona_fide| spoof.partial_cmp(bona_fide).unwrap())
        })
        .map(|order| match order {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    won / (bona_fide.len() * spoof.len()) as f64
}

#[test]
fn a_person_gets_tables_with_one_row_per_group() {
    let corpus = Corpus::new();
    let manifest = corpus.path("manifest.csv");
    let scores = corpus.path("scores.csv");
    let output = bonafide(&[
        "evaluate",
        text(&manifest),
        "--by",
        "system",
        "--scores",
        text(&scores),
    ]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report = String::from_utf8(output.stdout).unwrap();
    for words in ["EER", "AUC", "minDCF", "Cllr", "FPR", "FNR", "broken.mp3"] {
        assert!(report.contains(words), "{words} is not in\n{report}");
    }
    for system in ["espeak-ng", "flite"] {
        assert!(
            report
                .lines()
                .any(|line| line.trim_start().starts_with(system)),
            "{system} has no row in\n{report}"
        );
    }
}

#[test]
fn a_wrong_manifest_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.csv");
    let scores = folder.path().join("scores.csv");
    for (content, complaint) in [
        ("file,kind\na.mp3,spoof\n", "label"),
        ("file,label\na.mp3,fake\n", "line 2"),
        ("file,label\n", "no recordings"),
    ] {
        std::fs::write(&manifest, content).unwrap();
        let output = bonafide(&["evaluate", text(&manifest), "--scores", text(&scores)]);
        assert_eq!(output.status.code(), Some(1));
        let complained = String::from_utf8(output.stderr).unwrap();
        assert!(complained.contains(complaint), "{complained}");
        assert!(!scores.exists());
    }
}
