//! Recordings for the tests, made on the spot: nothing is committed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the synthesisers say: a bit more than ten seconds.
const TEXT: &str = "The quick brown fox jumps over the lazy dog, and nobody in the village was surprised. \
    A recording of this length is enough to tell whether a person or a machine is speaking, we are told.";

/// Prompts of a person (Debian's `asterisk-core-sounds-en-wav`), together a bit more than ten seconds.
const PROMPTS: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";
const PROMPT_FILES: [&str; 4] = [
    "demo-echotest.wav",
    "demo-nogo.wav",
    "privacy-prompt.wav",
    "vm-review.wav",
];

/// Who speaks in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// A person.
    Human,
    /// The formant synthesiser espeak-ng.
    EspeakNg,
    /// The diphone and unit-selection synthesiser flite.
    Flite,
}

impl Speaker {
    pub(crate) const ALL: [Self; 3] = [Self::Human, Self::EspeakNg, Self::Flite];

    /// About ten seconds of speech: 16 kHz, mono, 16 bits, WAV.
    pub(crate) fn speech(self) -> &'static Path {
        static HUMAN: LazyLock<PathBuf> = LazyLock::new(|| {
            let parts = PROMPT_FILES.map(|file| Path::new(PROMPTS).join(file));
            for part in &parts {
                assert!(
                    part.is_file(),
                    "{} is missing: ./test installs it",
                    part.display()
                );
            }
            let inputs = parts.iter().flat_map(|part| ["-i".to_owned(), text(part)]);
            let join = format!("concat=n={}:v=0:a=1", parts.len());
            ffmpeg(
                "human.wav",
                inputs
                    .chain(["-filter_complex".to_owned(), join])
                    .chain(plain()),
            )
        });
        static ESPEAK_NG: LazyLock<PathBuf> = LazyLock::new(|| {
            let spoken = place("espeak-ng.wav");
            run(
                "espeak-ng",
                ["-v", "en-us", "-s", "150", "-w", &text(&spoken), TEXT],
            );
            ffmpeg("espeak-ng.wav", from(&spoken).chain(plain()))
        });
        static FLITE: LazyLock<PathBuf> = LazyLock::new(|| {
            let spoken = place("flite.wav");
            run("flite", ["-voice", "slt", "-t", TEXT, "-o", &text(&spoken)]);
            ffmpeg("flite.wav", from(&spoken).chain(plain()))
        });
        match self {
            Self::Human => &HUMAN,
            Self::EspeakNg => &ESPEAK_NG,
            Self::Flite => &FLITE,
        }
    }

    /// The same, in a format.
    pub(crate) fn recording(self, format: &Format) -> Recording {
        Recording::coded(self.speech(), format)
    }

    pub(crate) fn mp3(self) -> Recording {
        self.recording(&MP3)
    }
}

/// A way to store a recording.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) extension: &'static str,
    pub(crate) content_type: &'static str,
    /// How the API names them.
    pub(crate) container: &'static [&'static str],
    pub(crate) codec: &'static [&'static str],
    /// For ffmpeg.
    arguments: &'static [&'static str],
}

pub(crate) const MP3: Format = Format {
    extension: "mp3",
    content_type: "audio/mpeg",
    container: &["mp3"],
    codec: &["mp3"],
    arguments: &["-c:a", "libmp3lame", "-b:a", "64k"],
};
pub(crate) const WAV: Format = Format {
    extension: "wav",
    content_type: "audio/wav",
    container: &["wav"],
    codec: &["pcm"],
    arguments: &["-c:a", "pcm_s16le"],
};
pub(crate) const FLAC: Format = Format {
    extension: "flac",
    content_type: "audio/flac",
    container: &["flac"],
    codec: &["flac"],
    arguments: &["-c:a", "flac"],
};
pub(crate) const M4A: Format = Format {
    extension: "m4a",
    content_type: "audio/mp4",
    container: &["mp4", "m4a", "isomp4"],
    codec: &["aac"],
    // What phones write: the index at the end.
    arguments: &["-ar", "44100", "-ac", "2", "-c:a", "aac", "-b:a", "96k"],
};
const OGG_VORBIS: Format = Format {
    extension: "ogg",
    content_type: "audio/ogg",
    container: &["ogg"],
    codec: &["vorbis"],
    arguments: &["-ar", "44100", "-c:a", "libvorbis", "-q:a", "4"],
};
const OGG_OPUS: Format = Format {
    extension: "opus",
    content_type: "audio/ogg; codecs=opus",
    container: &["ogg"],
    codec: &["opus"],
    arguments: &["-ar", "48000", "-c:a", "libopus", "-b:a", "32k"],
};
const WEBM_OPUS: Format = Format {
    extension: "webm",
    content_type: "audio/webm",
    container: &["webm", "matroska", "mkv"],
    codec: &["opus"],
    arguments: &["-ar", "48000", "-c:a", "libopus", "-b:a", "32k"],
};
/// Every format that is taken.
pub(crate) const FORMATS: [Format; 7] = [MP3, WAV, FLAC, M4A, OGG_VORBIS, OGG_OPUS, WEBM_OPUS];

/// One file of audio, or of what pretends to be.
#[derive(Clone)]
pub(crate) struct Recording {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) content_type: &'static str,
}

impl fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} ({} bytes)",
            self.path.display(),
            self.bytes.len()
        )
    }
}

impl Recording {
    fn coded(source: &Path, format: &Format) -> Self {
        let name = format!("{}.{}", stem(source), format.extension);
        let coding = format
            .arguments
            .iter()
            .map(|argument| (*argument).to_owned());
        Self::at(
            ffmpeg(&name, from(source).chain(coding)),
            format.content_type,
        )
    }

    /// What ffmpeg makes of some input, as mono with 16 kHz unless `arguments` say otherwise.
    pub(crate) fn made(name: &str, content_type: &'static str, arguments: &[&str]) -> Self {
        Self::at(
            ffmpeg(
                name,
                arguments.iter().map(|argument| (*argument).to_owned()),
            ),
            content_type,
        )
    }

    pub(crate) fn of_bytes(
        name: &str,
        content_type: &'static str,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        let path = place(name);
        let bytes = bytes.into();
        std::fs::write(&path, &bytes).unwrap();
        Self {
            path,
            bytes,
            content_type,
        }
    }

    fn at(path: PathBuf, content_type: &'static str) -> Self {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.is_empty(), "{} is empty", path.display());
        Self {
            path,
            bytes,
            content_type,
        }
    }

    pub(crate) fn file_name(&self) -> String {
        text(Path::new(self.path.file_name().unwrap()))
    }

    pub(crate) fn path_text(&self) -> String {
        text(&self.path)
    }

    /// The first part of the same file.
    pub(crate) fn cut_to(&self, bytes: usize) -> Self {
        assert!(bytes < self.bytes.len());
        Self::of_bytes(
            &format!("cut-{}", self.file_name()),
            self.content_type,
            &self.bytes[..bytes],
        )
    }
}

/// A fresh place in the folder that cargo keeps for the files of these tests.
fn place(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("recordings/{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn ffmpeg(name: &str, arguments: impl IntoIterator<Item = String>) -> PathBuf {
    let path = place(name);
    let quiet = ["-nostdin", "-hide_banner", "-loglevel", "error", "-y"].map(ToOwned::to_owned);
    run(
        "ffmpeg",
        quiet.into_iter().chain(arguments).chain([text(&path)]),
    );
    path
}

fn run(program: &str, arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString>>) {
    let arguments = arguments.into_iter().map(Into::into);
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!("{program} cannot be started ({error}): ./test installs it")
        });
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn from(path: &Path) -> impl Iterator<Item = String> + use<> {
    ["-i".to_owned(), text(path)].into_iter()
}

fn plain() -> impl Iterator<Item = String> {
    ["-ar", "16000", "-ac", "1", "-c:a", "pcm_s16le"]
        .into_iter()
        .map(ToOwned::to_owned)
}

fn stem(path: &Path) -> String {
    text(Path::new(path.file_stem().unwrap()))
}

fn text(path: &Path) -> String {
    path.to_str().expect("paths of tests are plain").to_owned()
}
