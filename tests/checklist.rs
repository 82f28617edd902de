//! The conformance page is complete, and what it and the list of lessons name exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const LESSONS: &str = "tests/session/lessons.rs";

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn exists(file: &str, test: &str) -> bool {
    let text = read(file);
    text.contains(&format!("fn {test}(")) || file.ends_with("golden.rs") && text.contains(&format!("{test} = "))
}

#[test]
fn the_conformance_pages_tell_the_truth() {
    check_page("docs/conformance-openai.md", 62, 50);
    check_page("docs/conformance-gemini.md", 32, 15);
    check_page("docs/conformance-xai.md", 29, 20);
    check_page("docs/conformance-elevenlabs.md", 29, 25);
}

/// A page has each of its lines once, and at least so many tests.
fn check_page(page: &str, lines: u32, least: usize) {
    let page = read(page);
    let mut seen = BTreeMap::new();
    for row in page.lines().filter(|l| l.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for number in cells[1].split(", ").filter_map(|n| n.parse::<u32>().ok()) {
            *seen.entry(number).or_insert(0) += 1;
            assert!(!cells[3].is_empty(), "{row}");
        }
    }
    assert_eq!(seen, (1..=lines).map(|n| (n, 1)).collect(), "each line once");

    // A page of which nothing is left has no such list.
    let left = page.split_once("## Left for later").map(|(_, left)| left);
    let mut rows = 0;
    for row in left.iter().flat_map(|left| left.lines()).filter(|l| l.starts_with("| ") && !l.starts_with("| line")) {
        let by = row.split('|').nth(3).unwrap_or_default().trim();
        let part = by.strip_prefix("part ").and_then(|rest| rest.split(',').next()?.parse::<u32>().ok());
        assert!(
            part.is_some_and(|part| (5..=10).contains(&part)) || by.starts_with("round 2,"),
            "who brings it? {row}"
        );
        rows += 1;
    }
    assert!(left.is_none() || rows > 0, "the list of what is left is read");

    let mut tests = 0;
    for (file, test) in page.split('`').filter_map(|word| word.split_once("::")) {
        if !file.ends_with(".rs") {
            continue;
        }
        assert!(exists(file, test), "{file} has no test {test}");
        tests += 1;
    }
    assert!(tests > least, "{tests}");
}

/// And no lesson that has a test is left out of the list.
#[test]
fn the_lessons_name_their_tests() {
    let page = read("ARCHITECTURE.md");
    let (_, lessons) = page.split_once("## Lessons\n").expect("there is a list of lessons");
    let (lessons, _) = lessons.split_once("\n## ").expect("it ends");
    let mut named = BTreeSet::new();
    for row in lessons.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| bug")) {
        let test = row.rsplit('|').nth(1).unwrap();
        let tests: Vec<&str> = test.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            let (file, test) = test.split_once("::").unwrap_or((LESSONS, test));
            assert!(exists(file, test), "{file} has no test {test}");
            named.insert((file, test));
        }
    }
    assert!(named.len() > 50, "{}", named.len());
    for file in [LESSONS, "tests/session/credentials.rs"] {
        let text = read(file);
        for test in text.lines().filter_map(|l| l.strip_prefix("fn lesson_")?.split_once('(')) {
            let test = format!("lesson_{}", test.0);
            assert!(named.contains(&(file, test.as_str())), "{file}::{test} is in no row");
        }
    }
}

/// Each row of the catalogue of faults that is due stands there once, with its tests or with the reason why not.
#[test]
fn the_faults_name_their_tests() {
    let page = read("ARCHITECTURE.md");
    let (_, faults) = page.split_once("## Faults\n").expect("there is a list of faults");
    let (faults, _) = faults.split_once("\n## ").expect("it ends");
    let (mut seen, mut named) = (BTreeSet::new(), BTreeSet::new());
    for row in faults.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| row")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, number, _, tests, removed, left_out, _] = &cells[..] else { panic!("five cells: {row}") };
        assert!(seen.insert(number.parse::<u32>().expect(row)), "twice: {row}");
        let tests: Vec<_> = tests.split('`').filter_map(|word| word.split_once("::")).collect();
        for (file, test) in &tests {
            assert!(exists(file, test), "{file} has no test {test}");
            named.insert((file.to_string(), test.to_string()));
        }
        assert_eq!(tests.is_empty(), removed.is_empty(), "how was it seen to fail? {row}");
        assert!(!tests.is_empty() || !left_out.is_empty(), "{row}");
    }
    let due: BTreeSet<u32> = (1..=15).chain(19..=30).collect();
    assert_eq!(due.difference(&seen).collect::<Vec<_>>(), Vec::<&u32>::new(), "rows that are missing");
    // And none that has a test is left out.
    for file in ["closes", "line", "refusals", "tls", "tools"] {
        let file = format!("tests/recovery/{file}.rs");
        let text = read(&file);
        for test in text.lines().filter_map(|l| l.strip_prefix("async fn row_")?.split_once('(')) {
            let test = format!("row_{}", test.0);
            assert!(named.contains(&(file.clone(), test.clone())), "{file}::{test} is in no row");
        }
    }
}
