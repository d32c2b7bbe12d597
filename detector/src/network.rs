//! The ONNX graph, run by tract.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tract::prelude::*;

use crate::error::{Error, ModelError};
use crate::manifest::{Manifest, is_single_value};

/// An optimised graph. Cloning shares it; running it from many threads at once is fine.
pub(crate) struct Network {
    runnable: Runnable,
    window_samples: usize,
}

/// One thread's use of a [`Network`], which keeps its scratch memory from window to window.
pub(crate) struct Session {
    state: State,
    window_samples: usize,
}

impl Network {
    /// Parses, checks against the manifest, and optimises for its fixed shape.
    pub(crate) fn load(onnx: &[u8], manifest: &Manifest) -> Result<Self, ModelError> {
        // A graph with a construct that tract does not expect may panic in there; to the caller it is one more
        // model that cannot be run.
        catch_unwind(AssertUnwindSafe(|| Self::build(onnx, manifest))).unwrap_or_else(|_| {
            Err(ModelError::Unsupported(
                "the graph could not be analysed".to_owned(),
            ))
        })
    }

    fn build(onnx: &[u8], manifest: &Manifest) -> Result<Self, ModelError> {
        let mut graph = tract::onnx()
            .and_then(|onnx_reader| onnx_reader.load_buffer(onnx))
            .map_err(unsupported)?;
        let (inputs, outputs) = (
            graph.input_count().map_err(unsupported)?,
            graph.output_count().map_err(unsupported)?,
        );
        if (inputs, outputs) != (1, 1) {
            return Err(ModelError::Shape {
                what: "number of inputs and outputs",
                expected: "1 and 1".to_owned(),
                actual: format!("{inputs} and {outputs}"),
            });
        }
        let name = graph.input_name(0).map_err(unsupported)?;
        if name != manifest.input.name {
            return Err(ModelError::Shape {
                what: "input name",
                expected: manifest.input.name.clone(),
                actual: name,
            });
        }
        let expected = format!("1,{},f32", manifest.window_samples);
        let declared = graph.input_fact(0).map_err(unsupported)?.to_string();
        graph
            .set_input_fact(0, expected.as_str())
            .map_err(unsupported)?;
        let model = graph.into_model().map_err(|error| {
            ModelError::Unsupported(format!("{error:#} (declared input: {declared})"))
        })?;
        let runnable = model.into_runnable().map_err(unsupported)?;
        Self::check_output(&runnable)?;
        Ok(Self {
            runnable,
            window_samples: manifest.window_samples,
        })
    }

    fn check_output(runnable: &Runnable) -> Result<(), ModelError> {
        let fact = runnable.output_fact(0).map_err(unsupported)?;
        let dims = fact.dims().map_err(unsupported)?;
        let shape: Option<Vec<usize>> = dims
            .map(|dim| {
                dim.to_int64()
                    .ok()
                    .and_then(|dim| usize::try_from(dim).ok())
            })
            .collect();
        let is_float = fact.datum_type().map_err(unsupported)? == DatumType::F32;
        if is_float && shape.is_some_and(|shape| is_single_value(&shape)) {
            return Ok(());
        }
        Err(ModelError::Shape {
            what: "output",
            expected: "1,f32 or 1,1,f32".to_owned(),
            actual: fact.to_string(),
        })
    }

    /// Starts using the network on this thread.
    pub(crate) fn session(&self) -> Result<Session, Error> {
        let state = self.runnable.spawn_state().map_err(failure)?;
        Ok(Session {
            state,
            window_samples: self.window_samples,
        })
    }
}

impl Session {
    /// The logit of one window of exactly the contract's length: positive speaks for spoof.
    pub(crate) fn logit(&mut self, window: &[f32]) -> Result<f64, Error> {
        let input = Tensor::from_slice(&[1, self.window_samples], window).map_err(failure)?;
        let outputs = self.state.run([input]).map_err(failure)?;
        let output = outputs
            .first()
            .ok_or_else(|| Error::Model("no output".to_owned()))?;
        let logit = output.as_slice::<f32>().map_err(failure)?.first().copied();
        match logit {
            Some(logit) if logit.is_finite() => Ok(f64::from(logit)),
            other => Err(Error::Model(format!("the logit is {other:?}"))),
        }
    }
}

fn unsupported(error: impl std::fmt::Display) -> ModelError {
    ModelError::Unsupported(format!("{error:#}"))
}

fn failure(error: impl std::fmt::Display) -> Error {
    Error::Model(format!("{error:#}"))
}
