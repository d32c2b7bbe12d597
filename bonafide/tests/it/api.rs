//! A client of the API, and what holds for every answer.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::process::Server;
use crate::recordings::Recording;

pub(crate) const DEMO_KEY: &str = "hackathon_demo_key_2026";
/// A secret as production wants one.
pub(crate) const SECRET: &str = "a secret of the tests, 32 characters at least";
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Longer than any analysis takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// An answer that keeps what every answer must: an `x-request-id`, and for errors the one shape.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body as JSON; null where it is none.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// An error with this status and code.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        self.body
    }
}

/// Where the API is, and who calls.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    /// Path prefixes and the servers that answer below them.
    places: Vec<(&'static str, String)>,
    token: Option<String>,
    key: &'static str,
    service_key: &'static str,
}

impl Api {
    /// The API of one server.
    pub(crate) fn of(server: &Server) -> Self {
        Self::routed(vec![("/", server.address.clone())], DEMO_KEY, DEMO_KEY)
    }

    /// The API of several servers, as a gateway would route it: the longest prefix decides.
    pub(crate) fn routed(
        places: Vec<(&'static str, String)>,
        key: &'static str,
        service_key: &'static str,
    ) -> Self {
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(120))
            .build()
            .unwrap();
        Self {
            client,
            places,
            token: None,
            key,
            service_key,
        }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub(crate) fn anonymous(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("somebody is signed in")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let serving = self
            .places
            .iter()
            .filter(|(prefix, _)| path.starts_with(prefix));
        let (_, address) = serving
            .max_by_key(|(prefix, _)| prefix.len())
            .expect("somebody serves the path");
        format!("{address}{path}")
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// Any request, and what holds for every answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer {
            status,
            headers,
            text,
            body,
        };
        assert!(
            !answer.header("x-request-id").is_empty(),
            "no x-request-id: {answer:?}"
        );
        if status >= 400 {
            let body = &answer.body;
            if body["status"] != "unhealthy" {
                assert_eq!(body["status"], "error", "{answer:?}");
                assert!(
                    body["error"]
                        .as_str()
                        .is_some_and(|error| !error.is_empty()),
                    "{answer:?}"
                );
                assert!(
                    body["code"].as_str().is_some_and(|code| !code.is_empty()),
                    "{answer:?}"
                );
                assert_eq!(
                    body["request_id"],
                    answer.header("x-request-id"),
                    "{answer:?}"
                );
            }
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn post_text(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        self.send(
            self.request(Method::POST, path)
                .header(CONTENT_TYPE, content_type)
                .body(body),
        )
        .await
    }

    /// Signs up somebody new and signs in.
    pub(crate) async fn signed_up(&self, username: &str) -> Self {
        let user = json!({ "username": username, "email": format!("{username}@example.org"), "password": PASSWORD });
        self.post("/api/v1/users", &user).await.expect(201);
        let signed_in = self
            .post(
                "/api/v1/token",
                &json!({ "username": username, "password": PASSWORD }),
            )
            .await;
        self.with_token(signed_in.expect(200)["access_token"].as_str().unwrap())
    }

    /// Uploads through the server, as HTML forms and phones do.
    pub(crate) async fn upload(&self, recording: &Recording) -> Answer {
        self.upload_as(
            "file",
            &recording.file_name(),
            recording.content_type,
            &recording.bytes,
        )
        .await
    }

    pub(crate) async fn upload_as(
        &self,
        part: &str,
        filename: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Answer {
        const BOUNDARY: &str = "----------------bonafide-test";
        let mut body = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{part}\"; filename=\"{filename}\"\r\n\
             content-type: {content_type}\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        self.post_text(
            "/api/v1/audio-files",
            &format!("multipart/form-data; boundary={BOUNDARY}"),
            body,
        )
        .await
    }

    /// Asks for a signed upload.
    pub(crate) async fn upload_grant(&self, recording: &Recording) -> Value {
        let wish = json!({
            "filename": recording.file_name(), "content_type": recording.content_type, "size": recording.bytes.len(),
        });
        self.post("/api/v1/audio-files", &wish).await.expect(201)
    }

    /// Sends bytes to a signed URL, with the headers that came with it and no credentials.
    pub(crate) async fn put(&self, upload: &Value, bytes: &[u8]) -> Answer {
        assert_eq!(upload["method"], "PUT");
        let mut request = self
            .client
            .put(upload["url"].as_str().unwrap())
            .body(bytes.to_vec());
        for (name, value) in upload["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        self.send(request).await
    }

    /// The file once nothing more happens to it.
    pub(crate) async fn finished(&self, file_id: &str) -> Value {
        let started = Instant::now();
        loop {
            let file = self
                .get(&format!("/api/v1/audio-files/{file_id}?wait=20"))
                .await
                .expect(200);
            if file["status"] == "completed" || file["status"] == "failed" {
                return file;
            }
            assert!(started.elapsed() < PATIENCE, "never finished: {file}");
        }
    }

    /// Uploads, waits, and returns the whole detection.
    pub(crate) async fn detection_of(&self, recording: &Recording) -> Value {
        let file = self.upload(recording).await.expect(201);
        let file = self.finished(file["id"].as_str().unwrap()).await;
        assert_eq!(file["status"], "completed", "{recording:?}: {file}");
        self.get(&format!(
            "/api/v1/detections/{}",
            file["detection"]["id"].as_str().unwrap()
        ))
        .await
        .expect(200)
    }

    /// The synchronous call, with everything.
    pub(crate) async fn detect(&self, recording: &Recording) -> Answer {
        let body =
            json!({ "audio_base64": STANDARD.encode(&recording.bytes), "language": "English" });
        self.detect_body("/api/v1/detect?detail=full", &body).await
    }

    pub(crate) async fn detect_body(&self, path: &str, body: &Value) -> Answer {
        self.send(
            self.request(Method::POST, path)
                .header("x-api-key", self.key)
                .json(body),
        )
        .await
    }

    /// The call of one service to another.
    pub(crate) async fn predict(&self, audio_url: &str, audio_type: &str) -> Answer {
        let body = json!({ "audio_url": audio_url, "audio_type": audio_type });
        self.send(
            self.request(Method::POST, "/api/predict")
                .header("x-api-key", self.service_key)
                .json(&body),
        )
        .await
    }
}

/// The items of a list that fits on a page.
#[track_caller]
pub(crate) fn items(list: &Value) -> &Vec<Value> {
    assert_eq!(list["next_cursor"], Value::Null, "{list}");
    list["items"]
        .as_array()
        .unwrap_or_else(|| panic!("no list: {list}"))
}

/// The names of an object's fields, in order of the alphabet.
#[track_caller]
pub(crate) fn fields(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object
        .as_object()
        .unwrap_or_else(|| panic!("no object: {object}"))
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}
