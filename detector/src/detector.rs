//! The detector: a model, loaded once, and the pipeline around it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::SAMPLE_RATE_HZ;
use crate::activity::Activity;
use crate::analysis::{Analysis, AudioInfo, InconclusiveReason, Segment, Verdict};
use crate::decode::{self, Recording};
use crate::error::{Error, ModelError};
use crate::explanation;
use crate::features;
use crate::inconclusive;
use crate::manifest::{Manifest, probability};
use crate::network::Network;
use crate::reference::Reference;
use crate::windows;

const ONNX: &[u8] = include_bytes!("../../model/detector.onnx");
const MANIFEST: &[u8] = include_bytes!("../../model/manifest.json");
const REFERENCE: &[u8] = include_bytes!("../../model/reference.json");

/// What a caller is willing to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Most bytes of a recording.
    pub max_bytes: usize,
    /// Most seconds of decoded audio.
    pub max_seconds: f64,
}

impl Default for Limits {
    /// 10 MiB and 10 minutes.
    fn default() -> Self {
        Self {
            max_bytes: 10 * 1024 * 1024,
            max_seconds: 600.0,
        }
    }
}

/// Which model gave a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the ONNX file, lower-case hexadecimal.
    pub sha256: String,
}

/// A loaded model. Load it once and share it: it is `Send + Sync`, and analyses run side by side.
pub struct Detector {
    identity: ModelIdentity,
    manifest: Manifest,
    network: Network,
    reference: Reference,
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Detector")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Detector {
    /// Loads the model that is built in.
    ///
    /// # Errors
    /// Only where the build was given a model that breaks its contract.
    pub fn embedded() -> Result<Self, ModelError> {
        Self::load(ONNX, MANIFEST)
    }

    /// Loads another model that keeps the contract of `model/manifest.json`. The reference for feature comparisons
    /// stays the built-in one: it describes people, not the model.
    ///
    /// # Errors
    /// Where a file cannot be read, the hash is not the manifest's, or the graph breaks the contract or cannot run.
    pub fn from_files(onnx: &Path, manifest: &Path) -> Result<Self, ModelError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| ModelError::Read {
                path: path.to_owned(),
                source,
            })
        };
        Self::load(&read(onnx)?, &read(manifest)?)
    }

    fn load(onnx: &[u8], manifest: &[u8]) -> Result<Self, ModelError> {
        let manifest = Manifest::parse(manifest)?;
        let expected = manifest.sha256.to_ascii_lowercase();
        let actual = hex::encode(Sha256::digest(onnx));
        if actual != expected {
            return Err(ModelError::HashMismatch { expected, actual });
        }
        Ok(Self {
            network: Network::load(onnx, &manifest)?,
            identity: ModelIdentity {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                sha256: actual,
            },
            manifest,
            reference: Reference::parse(REFERENCE)?,
        })
    }

    /// Which model this is.
    #[must_use]
    pub fn model(&self) -> &ModelIdentity {
        &self.identity
    }

    /// The spoof probability from which the verdict is spoof.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.manifest.thresholds.spoof_probability
    }

    /// Runs the model on a fixed signal.
    ///
    /// # Errors
    /// Where it does not answer with a finite number.
    pub fn self_test(&self) -> Result<(), ModelError> {
        // A 200 Hz sawtooth: harmonics up to the band's edge, like a voice's source.
        let period = SAMPLE_RATE_HZ as usize / 200;
        let signal: Vec<f32> = (0..self.manifest.window_samples)
            .map(|n| (n % period) as f32 / period as f32 - 0.5)
            .collect();
        self.network
            .logits(&[signal.into()])
            .map(|_| ())
            .map_err(|error| ModelError::SelfTest(error.to_string()))
    }

    /// Analyses one recording: the bytes of a file in any supported format.
    ///
    /// A recording without speech is no error: it has an analysis that says so.
    ///
    /// # Errors
    /// Where the recording is over a limit or is not decodable audio, or where the model fails on it.
    pub fn analyze(&self, bytes: &[u8], limits: &Limits) -> Result<Analysis, Error> {
        let recording = decode::decode(bytes, limits)?;
        let activity = Activity::measure(&recording.samples);
        let measured = features::measure(&recording.samples, &activity);
        let audio = audio_info(&recording, &activity);
        if !inconclusive::has_speech(&activity, measured.voiced_seconds) {
            return Ok(without_speech(measured.features, audio));
        }
        let (log_likelihood_ratio, segments) = self.score(&recording.samples, &activity)?;
        let score = probability(log_likelihood_ratio);
        let verdict = if score >= self.threshold() {
            Verdict::Spoof
        } else {
            Verdict::BonaFide
        };
        let mut analysis = Analysis {
            score,
            log_likelihood_ratio,
            verdict,
            inconclusive: inconclusive::reason(&activity, &measured.features, score, &segments),
            segments,
            features: measured.features,
            explanation: String::new(),
            audio,
        };
        analysis.explanation = explanation::explain(&analysis, &self.reference);
        Ok(analysis)
    }

    /// The recording's log-likelihood ratio, from the mean logit of its windows, and the score of each.
    fn score(&self, samples: &[f32], activity: &Activity) -> Result<(f64, Vec<Segment>), Error> {
        let length = self.manifest.window_samples;
        let calibration = self.manifest.calibration;
        let windows = windows::lay(activity, length, self.manifest.hop_samples);
        let inputs: Vec<_> = windows
            .iter()
            .map(|window| window.samples(samples, length))
            .collect();
        let logits = self.network.logits(&inputs)?;
        let mean = logits.iter().sum::<f64>() / logits.len() as f64;
        let segments = windows
            .iter()
            .zip(&logits)
            .map(|(window, &logit)| Segment {
                start: seconds(window.start),
                end: seconds(window.end),
                score: probability(calibration.log_likelihood_ratio(logit)),
            })
            .collect();
        Ok((calibration.log_likelihood_ratio(mean), segments))
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE_HZ)
}

fn audio_info(recording: &Recording, activity: &Activity) -> AudioInfo {
    AudioInfo {
        container: recording.container.to_owned(),
        codec: recording.codec.to_owned(),
        sample_rate_hz: recording.sample_rate_hz,
        channels: recording.channels,
        seconds: recording.seconds,
        speech_seconds: activity.active_seconds(),
    }
}

fn without_speech(features: features::Features, audio: AudioInfo) -> Analysis {
    Analysis {
        score: 0.5,
        log_likelihood_ratio: 0.0,
        verdict: Verdict::BonaFide,
        inconclusive: Some(InconclusiveReason::NoSpeech),
        segments: Vec::new(),
        features,
        explanation: explanation::NO_SPEECH.to_owned(),
        audio: AudioInfo {
            speech_seconds: 0.0,
            ..audio
        },
    }
}
