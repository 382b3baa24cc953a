//! What the server answers.

use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use raddle::task::spawn_blocking;
use raddle::time::{Duration, Instant, sleep};

/// Every body here is short, and known as a whole.
pub type Response = hyper::Response<http_body_util::Full<Bytes>>;

/// The longest that `/sleep` and `/cpu` let themselves be asked for.
const MS_MAX: u64 = 60_000;

/// The response to `request`, whatever it asks for.
pub async fn answer<B>(request: Request<B>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/plaintext" => text(StatusCode::OK, "Hello, World!"),
        "/json" => {
            let message = serde_json::json!({ "message": "Hello, World!" });
            response(StatusCode::OK, "application/json", message.to_string())
        }
        "/sleep" => match duration(request.uri()) {
            Err(problem) => text(StatusCode::BAD_REQUEST, problem),
            Ok(duration) => {
                sleep(duration).await;
                text(StatusCode::OK, format!("slept for {duration:?}\n"))
            }
        },
        "/cpu" => match duration(request.uri()) {
            Err(problem) => text(StatusCode::BAD_REQUEST, problem),
            Ok(duration) => match spawn_blocking(move || compute(duration)).await {
                Ok(rounds) => text(StatusCode::OK, format!("{rounds} rounds in {duration:?}\n")),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
            },
        },
        _ => text(StatusCode::NOT_FOUND, "try /plaintext, /json, /sleep?ms=10 or /cpu?ms=10\n"),
    }
}

/// `?ms=` as a duration, or what is wrong with it.
fn duration(uri: &Uri) -> Result<Duration, String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let Some(ms) = pairs.filter_map(|pair| pair.strip_prefix("ms=")).next() else {
        return Err(format!("{} wants ?ms=, a number of milliseconds\n", uri.path()));
    };
    match ms.parse() {
        Ok(ms) if ms <= MS_MAX => Ok(Duration::from_millis(ms)),
        _ => Err(format!("ms={ms} is not a number from 0 to {MS_MAX}\n")),
    }
}

/// Keeps a core busy, and says how often it went round.
fn compute(duration: Duration) -> u64 {
    let begun = Instant::now();
    let mut state = 1_u64;
    let mut rounds = 0;
    while begun.elapsed() < duration {
        for _ in 0..1_000 {
            state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005) | 1);
        }
        rounds += 1;
    }
    rounds
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    response(status, "text/plain; charset=utf-8", body)
}

fn response(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
