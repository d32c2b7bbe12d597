//! Recordings to test with.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use bonafide_detector::{Detector, Limits, decode};

pub(crate) const RATE: u32 = 16_000;

/// The built-in detector, loaded once for all tests.
pub(crate) fn detector() -> &'static Detector {
    static DETECTOR: OnceLock<Detector> = OnceLock::new();
    DETECTOR.get_or_init(|| Detector::embedded().expect("the built-in model loads"))
}

/// About ten seconds of synthetic speech, mono WAV at 22.05 kHz.
pub(crate) fn spoken_wav() -> &'static [u8] {
    static SPEECH: OnceLock<Vec<u8>> = OnceLock::new();
    SPEECH.get_or_init(|| {
        let text = "The quick brown fox jumps over the lazy dog. Would you please call me back before noon? \
                    I have asked three times already, and nobody has told me anything about it so far.";
        run(Command::new("espeak-ng").args(["-v", "en", "--stdout", text]), &[])
    })
}

/// A woman speaking, mono WAV at 8 kHz.
pub(crate) fn human_wav() -> Vec<u8> {
    let path = Path::new("/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats.wav");
    std::fs::read(path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; install Debian's asterisk-core-sounds-en-wav",
            path.display()
        )
    })
}

/// Converts a recording with ffmpeg: `before` goes in front of the input, `after` behind it.
pub(crate) fn ffmpeg(input: &[u8], before: &[&str], after: &[&str]) -> Vec<u8> {
    // Some containers need a seekable output, so it goes through a file.
    let output = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-y"])
        .args(before)
        .args(["-i", "pipe:0"])
        .args(after);
    command.arg(output.path());
    run(&mut command, input);
    std::fs::read(output.path()).expect("ffmpeg's output")
}

fn run(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{program} does not start ({error}); install it to run this test")
        });
    let mut stdin = child.stdin.take().expect("a piped input");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("the program ends")
    });
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {complaint}");
    output.stdout
}

/// A 16-bit PCM WAV file.
pub(crate) fn wav(samples: &[f32], rate: u32, channels: u16) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| ((sample * 32_767.0).round() as i16).to_le_bytes())
        .collect();
    wav_of(1, rate, channels, 16, &data)
}

/// A WAV file with the given format fields, whatever they say, around raw data.
pub(crate) fn wav_of(format: u16, rate: u32, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels.wrapping_mul(bits / 8);
    let mut file = Vec::with_capacity(44 + data.len());
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(format.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.wrapping_mul(u32::from(block)).to_le_bytes());
    file.extend(block.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// A voice-like sound at 16 kHz: harmonics of 120 Hz whose level rises and falls four times a second.
pub(crate) fn voice(seconds: f64, amplitude: f32) -> Vec<f32> {
    (0..(seconds * f64::from(RATE)) as usize)
        .map(|n| {
            let time = n as f32 / RATE as f32;
            let harmonics: f32 = (1..=12)
                .map(|k| (std::f32::consts::TAU * 120.0 * k as f32 * time).sin() / k as f32)
                .sum();
            let syllables = 0.55 + 0.45 * (std::f32::consts::TAU * 4.0 * time).sin();
            amplitude * 0.5 * harmonics * syllables
        })
        .collect()
}

/// White noise, the same at every call.
pub(crate) fn noise(seconds: f64, amplitude: f32) -> Vec<f32> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    (0..(seconds * f64::from(RATE)) as usize)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            amplitude * ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0)
        })
        .collect()
}

/// Mono samples at 16 kHz of a recording.
pub(crate) fn samples_of(bytes: &[u8]) -> Vec<f32> {
    // Uncompressed references are larger than what a service takes.
    let limits = Limits {
        max_bytes: usize::MAX,
        ..Limits::default()
    };
    decode(bytes, &limits)
        .expect("the recording decodes")
        .samples
}

/// How alike two recordings are, and by how many samples the second is late.
pub(crate) struct Likeness {
    pub correlation: f64,
    pub delay: i64,
}

/// The largest normalised correlation over delays of up to `max_delay` samples.
pub(crate) fn likeness(reference: &[f32], other: &[f32], max_delay: i64) -> Likeness {
    (-max_delay..=max_delay)
        .map(|delay| Likeness {
            correlation: correlation(reference, other, delay),
            delay,
        })
        .max_by(|a, b| a.correlation.total_cmp(&b.correlation))
        .expect("at least one delay")
}

fn correlation(reference: &[f32], other: &[f32], delay: i64) -> f64 {
    let (from_reference, from_other) = (0.max(-delay) as usize, 0.max(delay) as usize);
    let (a, b) = (&reference[from_reference..], &other[from_other..]);
    let (mut ab, mut aa, mut bb) = (0.0f64, 0.0f64, 0.0f64);
    for (a_block, b_block) in a.chunks(64).zip(b.chunks(64)) {
        let (mut block_ab, mut block_aa, mut block_bb) = (0.0f32, 0.0f32, 0.0f32);
        for (&x, &y) in a_block.iter().zip(b_block) {
            block_ab += x * y;
            block_aa += x * x;
            block_bb += y * y;
        }
        ab += f64::from(block_ab);
        aa += f64::from(block_aa);
        bb += f64::from(block_bb);
    }
    ab / (aa * bb).sqrt().max(f64::MIN_POSITIVE)
}
