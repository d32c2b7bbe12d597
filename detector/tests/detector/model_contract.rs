//! A model is refused unless it is exactly what its manifest says.

use std::path::Path;

use bonafide_detector::{Detector, Limits, ModelError};

use crate::fixtures::{detector, spoken_wav};
use crate::onnx::TestModel;

fn refusal(model: &TestModel) -> ModelError {
    model.load().expect_err("the model is refused")
}

#[test]
fn the_built_in_model_answers_its_self_test() {
    detector().self_test().expect("a finite answer");
    let model = detector().model();
    assert_eq!(model.sha256.len(), 64);
    assert!(!model.name.is_empty() && !model.version.is_empty());
    assert!(detector().threshold() > 0.0 && detector().threshold() < 1.0);
}

#[test]
fn a_model_that_keeps_the_contract_can_be_swapped_in() {
    let model = TestModel {
        threshold: 0.75,
        ..TestModel::default()
    };
    let loaded = model.load().expect("it loads");
    loaded.self_test().expect("it answers");
    assert_eq!(
        (
            loaded.model().name.as_str(),
            loaded.model().version.as_str()
        ),
        ("test", "1.2.3")
    );
    assert_eq!(loaded.threshold(), 0.75);
}

#[test]
fn other_windows_are_served_too() {
    let model = TestModel {
        window_samples: 16_000,
        hop_samples: 16_000,
        ..TestModel::default()
    };
    let analysis = model
        .load()
        .expect("it loads")
        .analyze(spoken_wav(), &Limits::default())
        .expect("it is analysed");
    assert!(
        analysis
            .segments
            .iter()
            .all(|segment| (segment.end - segment.start - 1.0).abs() < 1e-9)
    );
}

#[test]
fn a_wrong_hash_is_refused() {
    let error = refusal(&TestModel {
        sha256: Some("0".repeat(64)),
        ..TestModel::default()
    });
    assert!(
        matches!(&error, ModelError::HashMismatch { expected, .. } if *expected == "0".repeat(64)),
        "{error}"
    );
}

#[test]
fn a_wrong_shape_in_the_manifest_is_refused() {
    let error = refusal(&TestModel {
        input_shape: Some("[1,16000]"),
        ..TestModel::default()
    });
    assert!(
        matches!(&error, ModelError::Manifest(text) if text.contains("input.shape")),
        "{error}"
    );
}

#[test]
fn another_sample_rate_is_refused() {
    let error = refusal(&TestModel {
        sample_rate_hz: 8_000,
        ..TestModel::default()
    });
    assert!(
        matches!(&error, ModelError::Manifest(text) if text.contains("sample_rate_hz")),
        "{error}"
    );
}

#[test]
fn a_graph_whose_input_has_another_name_is_refused() {
    let error = refusal(&TestModel {
        input_name: "audio",
        ..TestModel::default()
    });
    assert!(
        matches!(
            error,
            ModelError::Shape {
                what: "input name",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_graph_that_does_not_end_in_one_value_is_refused() {
    let error = refusal(&TestModel {
        keep_time: true,
        ..TestModel::default()
    });
    assert!(
        matches!(error, ModelError::Shape { .. } | ModelError::Unsupported(_)),
        "{error}"
    );
}

#[test]
fn an_operator_that_does_not_exist_is_refused() {
    let error = refusal(&TestModel {
        reduction: "ReduceMagic",
        ..TestModel::default()
    });
    assert!(
        matches!(&error, ModelError::Unsupported(text) if text.contains("ReduceMagic")),
        "{error}"
    );
}

#[test]
fn files_that_are_missing_or_not_a_model_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (onnx, manifest) = TestModel::default().write(folder.path());
    let missing =
        Detector::from_files(Path::new("no-such.onnx"), &manifest).expect_err("it is refused");
    assert!(
        matches!(&missing, ModelError::Read { path, .. } if path.ends_with("no-such.onnx")),
        "{missing}"
    );
    std::fs::write(&manifest, "{}").expect("a file");
    let empty = Detector::from_files(&onnx, &manifest).expect_err("it is refused");
    assert!(matches!(empty, ModelError::Manifest(_)), "{empty}");
}
