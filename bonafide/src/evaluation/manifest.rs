//! The list of labelled recordings: a CSV file with the columns `file` and `label`, and any others.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;

const FILE: &str = "file";
const LABEL: &str = "label";

/// What a recording truly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Label {
    /// A person spoke.
    BonaFide,
    /// A machine made or altered the speech.
    Spoof,
}

/// One recording of the manifest.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Every column's value, as it was.
    pub(crate) values: Vec<String>,
    /// Where the recording lies.
    pub(crate) path: PathBuf,
    /// What it truly is.
    pub(crate) label: Label,
}

/// A manifest, checked.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// The names of the columns.
    pub(crate) columns: Vec<String>,
    /// The recordings, at least one.
    pub(crate) entries: Vec<Entry>,
}

impl Manifest {
    /// Reads a manifest. Relative files are looked for beside it. Whatever is wrong is named with line and column.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(file, folder).with_context(|| path.display().to_string())
    }

    fn parse(reader: impl std::io::Read, folder: &Path) -> anyhow::Result<Self> {
        let mut reader = csv::Reader::from_reader(reader);
        // Spreadsheets put a byte order mark before the first name.
        let columns: Vec<String> = reader
            .headers()?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        for (index, name) in columns.iter().enumerate() {
            ensure!(
                !columns[..index].contains(name),
                "column `{name}` appears twice"
            );
        }
        let (file, label) = (position(&columns, FILE)?, position(&columns, LABEL)?);
        let mut entries = Vec::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let name = record[file].trim();
            ensure!(!name.is_empty(), "line {line}, column `{FILE}`: is empty");
            let label = match record[label].trim() {
                "bonafide" => Label::BonaFide,
                "spoof" => Label::Spoof,
                other => {
                    bail!("line {line}, column `{LABEL}`: is {other:?}, must be bonafide or spoof")
                }
            };
            let path = folder.join(name);
            entries.push(Entry {
                values: record.iter().map(ToOwned::to_owned).collect(),
                path,
                label,
            });
        }
        ensure!(!entries.is_empty(), "holds no recordings");
        Ok(Self { columns, entries })
    }

    /// The place of a column by which recordings are to be grouped.
    pub(crate) fn position(&self, column: &str) -> anyhow::Result<usize> {
        position(&self.columns, column)
    }
}

fn position(columns: &[String], name: &str) -> anyhow::Result<usize> {
    columns
        .iter()
        .position(|column| column == name)
        .with_context(|| format!("there is no column `{name}`, only {}", columns.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Manifest> {
        Manifest::parse(text.as_bytes(), Path::new("corpus"))
    }

    fn complaint(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn columns_come_in_any_order_and_files_lie_beside_the_manifest() {
        let manifest =
            parse("\u{feff}label,system,file\nspoof,\"a,b\",x/1.mp3\nbonafide,,/2.wav\n").unwrap();
        assert_eq!(manifest.columns, ["label", "system", "file"]);
        assert_eq!(manifest.entries[0].values, ["spoof", "a,b", "x/1.mp3"]);
        assert_eq!(manifest.entries[0].path, Path::new("corpus/x/1.mp3"));
        assert_eq!(manifest.entries[0].label, Label::Spoof);
        assert_eq!(manifest.entries[1].path, Path::new("/2.wav"));
        assert_eq!(manifest.entries[1].label, Label::BonaFide);
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        assert_eq!(
            complaint("file,kind\n1.mp3,spoof\n"),
            "there is no column `label`, only file, kind"
        );
        assert_eq!(
            complaint("file,label\n1.mp3,spoof\n2.mp3,fake\n"),
            "line 3, column `label`: is \"fake\", must be bonafide or spoof"
        );
        assert_eq!(
            complaint("file,label\n1.mp3,spoof\n\" \",spoof\n"),
            "line 3, column `file`: is empty"
        );
        assert_eq!(
            complaint("file,label,file\n"),
            "column `file` appears twice"
        );
        assert_eq!(complaint("file,label\n"), "holds no recordings");
        assert!(
            complaint("file,label\n1.mp3\n").contains("line: 2"),
            "{}",
            complaint("file,label\n1.mp3\n")
        );
    }
}
