//! The work on a claimed file: from its object to its end.

use std::time::Instant;

use bonafide_core::audio_files::{AudioFile, Failure};
use bonafide_core::detections::detection_id;
use bonafide_core::http::{MAX_AUDIO_BYTES, room};
use bonafide_core::objects::{ObjectError, ObjectInfo};
use bonafide_core::store::Recorded;
use bonafide_core::time::now;

use super::{End, EventHandler, Fault};
use crate::analyst::{Admission, AnalysisError};
use crate::finding::{Identity, NO_SPEECH};

/// A recording that so many attempts did not bring to an end (the model fails on it, or it takes its worker down) is not
/// tried for ever. Only attempts that got as far as a claim count.
const MOST_ATTEMPTS: u32 = 20;

const MAX_OBJECT_BYTES: u64 = MAX_AUDIO_BYTES as u64;

fn failed(code: &str, message: impl Into<String>) -> End {
    End::Failed(Failure {
        code: code.to_owned(),
        message: message.into(),
    })
}

fn too_large() -> End {
    failed("audio_too_large", "the recording has more than 10 MiB")
}

fn missing() -> End {
    failed("object_missing", "the recording is no longer in the bucket")
}

impl EventHandler {
    /// Analyses the object of a claimed file, which is claimed under the version of `object`.
    pub(super) async fn examine(
        &self,
        file: &AudioFile,
        object: Option<ObjectInfo>,
        admission: Admission,
    ) -> Result<End, Fault> {
        if file.attempts > MOST_ATTEMPTS {
            return Ok(failed(
                "analysis_failed",
                "the recording could not be analysed",
            ));
        }
        let Some(object) = object else {
            return Ok(missing());
        };
        if object.size > MAX_OBJECT_BYTES {
            return Ok(too_large());
        }
        let model = self.analyst.model();
        let id = detection_id(self.bucket.name(), &file.object_key, &object.version, model);
        if let Some(detection) = self.store.detection(&file.owner, &id).await? {
            return Ok(End::Completed(detection.summary));
        }
        let _room = room::hold(usize::try_from(object.size).unwrap_or(MAX_AUDIO_BYTES))
            .await
            .map_err(|error| AnalysisError::Broken(error.to_string()))?;
        let started = Instant::now();
        let (recording, read) = match self.bucket.get(&file.object_key, MAX_OBJECT_BYTES).await {
            Ok(found) => found,
            Err(ObjectError::NotFound) => return Ok(missing()),
            Err(ObjectError::TooLarge { .. }) => return Ok(too_large()),
            Err(error) => return Err(error.into()),
        };
        if read.version != object.version {
            return Err(Fault::Replaced);
        }
        let finding = match admission.analyze(recording).await {
            Ok(finding) => finding,
            Err(AnalysisError::Refused(error)) => {
                return Ok(failed(error.code(), error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        if finding.inconclusive == Some(NO_SPEECH) {
            return Ok(failed(NO_SPEECH, "nobody speaks in the recording"));
        }
        let identity = Identity {
            id,
            owner: &file.owner,
            audio_file_id: &file.id,
        };
        let detection =
            finding.into_detection(identity, model, started.elapsed().as_secs_f64(), now());
        Ok(End::Completed(
            match self.store.record_detection(&detection).await? {
                Recorded::New => detection.summary,
                Recorded::Existing(first) => first.summary,
            },
        ))
    }
}
