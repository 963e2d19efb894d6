use super::*;

fn v1(ids: &[u32]) -> String {
    let rows: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"id": {id},  "quote": {{"USD": {{"price": 1.50e-07}}}}}}"#))
        .collect();
    format!(r#"{{"status": {{"error_code": 0}}, "data": [{}]}}"#, rows.join(", "))
}

fn recording(ids: &[u32]) -> Recording {
    Recording::parse(v1(ids).as_bytes()).unwrap()
}

fn first_page() -> ListingQuery {
    ListingQuery::parse(&[]).unwrap()
}

#[test]
fn rows_keep_their_bytes_and_tell_the_version() {
    let recording = recording(&[1]);
    assert_eq!(recording.version(), Some(ApiVersion::V1));
    let page = recording.page(&first_page(), &[]);
    assert_eq!(page.rows, [r#"{"id": 1,  "quote": {"USD": {"price": 1.50e-07}}}"#]);
    let v3 = Recording::parse(br#"{"data": [{"id": 1, "quote": [{"symbol": "USD"}]}]}"#).unwrap();
    assert_eq!(v3.version(), Some(ApiVersion::V3));
}

#[test]
fn what_is_not_a_recorded_listing_is_refused_with_the_reason() {
    check("<html>", "it is not a JSON object");
    check("[]", "it is not a JSON object");
    check("{", "EOF while parsing");
    check("{}", "missing field `data`");
    check(r#"{"data": [[1, []]]}"#, "row 0 is not a coin");
    check(r#"{"data": {"1": {}}}"#, "expected a sequence");
    check(r#"{"status": {"error_code": 1008}, "data": []}"#, "its status has error_code 1008");
    check(r#"{"data": [{"id": 1}]}"#, "row 0 is not a coin");
    check(r#"{"data": [{"id": 1, "quote": 5}]}"#, "row 0 has neither");
    check(r#"{"data": [{"id": 1, "quote": {}}, {"id": 2, "quote": []}]}"#, "both API versions");
}

fn check(body: &str, reason: &str) {
    let error = format!("{:#}", Recording::parse(body.as_bytes()).expect_err(body));
    assert!(error.contains(reason), "{body}: {error}");
}

#[test]
fn the_error_names_the_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = format!("{:#}", Recording::read(file.path()).unwrap_err());
    assert!(error.contains(&file.path().display().to_string()), "{error}");
    let error = format!("{:#}", Recording::read(Path::new("/dev/zero")).unwrap_err());
    assert!(error.contains("/dev/zero is larger than"), "{error}");
    let error = format!("{:#}", Recording::read(Path::new("/nonexistent/a.json")).unwrap_err());
    assert!(error.contains("/nonexistent/a.json"), "{error}");
}
