//! Files on this machine, analysed on all cores and handed on in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::Context;
use bonafide_detector::{Analysis, Detector, Error, Limits};
use rayon::prelude::*;
use serde::Serialize;

/// Where a recording comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
}

impl Source {
    /// `-` is standard input, as everywhere.
    pub(crate) fn from_argument(argument: PathBuf) -> Self {
        if argument.as_os_str() == "-" {
            Self::StandardInput
        } else {
            Self::File(argument)
        }
    }

    /// How output names it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::StandardInput => "-".to_owned(),
        }
    }
}

/// Why a recording has no analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// `unreadable_file`, or the detector's own code.
    pub(crate) code: &'static str,
    /// The same in words.
    pub(crate) message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            code: "unreadable_file",
            message: error.to_string(),
        }
    }
}

/// What became of one recording.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The analysis, or why there is none.
    pub(crate) analysis: Result<Analysis, Failure>,
    /// Milliseconds from opening the file to the verdict.
    pub(crate) milliseconds: f64,
}

/// Analyses every source on `jobs` threads (0: one per core), and calls `each` in the order of `sources`, on this thread
/// and as soon as the order allows. Ends early where `each` fails.
pub(crate) fn analyse_each(
    detector: &Detector,
    sources: &[Source],
    jobs: usize,
    mut each: impl FnMut(usize, Outcome) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .build()
        .context("cannot start threads")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pool.install(|| {
                // Bridged, so that sources are begun in order and few outcomes wait for an earlier one. A failed send
                // means that nobody wants the rest.
                let _ = sources
                    .iter()
                    .enumerate()
                    .par_bridge()
                    .try_for_each(|(index, source)| {
                        sender
                            .send((index, analyse(detector, source)))
                            .map_err(drop)
                    });
            });
        });
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (index, outcome) in receiver {
            waiting.insert(index, outcome);
            while let Some(outcome) = waiting.remove(&next) {
                each(next, outcome)?;
                next += 1;
            }
        }
        Ok(())
    })
}

fn analyse(detector: &Detector, source: &Source) -> Outcome {
    let started = Instant::now();
    let limits = Limits::default();
    let analysis = read(source, limits.max_bytes)
        .and_then(|bytes| detector.analyze(&bytes, &limits).map_err(Failure::from));
    Outcome {
        analysis,
        milliseconds: started.elapsed().as_secs_f64() * 1000.0,
    }
}

/// The bytes of a source; never more than one beyond `max_bytes`, so that nobody's disk image fills the memory.
fn read(source: &Source, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match source {
        Source::StandardInput => io::stdin()
            .lock()
            .take(max_bytes as u64 + 1)
            .read_to_end(&mut bytes)?,
        Source::File(path) => open(path, max_bytes)?
            .take(max_bytes as u64 + 1)
            .read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

fn open(path: &Path, max_bytes: usize) -> Result<File, Failure> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    // The size that is reported is the file's own, not the part that would be read.
    match usize::try_from(metadata.len()) {
        Ok(bytes) if bytes <= max_bytes => Ok(file),
        bytes => Err(Error::TooLarge {
            bytes: bytes.unwrap_or(usize::MAX),
            max_bytes,
        }
        .into()),
    }
}
