//! The conformance page is complete, and what it names exists.

use std::{collections::BTreeMap, fs, path::Path};

const LINES: u32 = 62;

#[test]
fn the_conformance_page_tells_the_truth() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/conformance-openai.md")).unwrap();
    let mut seen = BTreeMap::new();
    for row in page.lines().filter(|l| l.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for number in cells[1].split(", ").filter_map(|n| n.parse::<u32>().ok()) {
            *seen.entry(number).or_insert(0) += 1;
            assert!(!cells[3].is_empty(), "{row}");
        }
    }
    assert_eq!(seen, (1..=LINES).map(|n| (n, 1)).collect(), "each line once");

    let (_, left) = page.split_once("## Left for later").expect("there is a list of what is left");
    let mut rows = 0;
    for row in left.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| line")) {
        let part = row.split('|').nth(3).and_then(|cell| cell.trim().strip_prefix("part "));
        let part = part.and_then(|rest| rest.split(',').next()?.parse::<u32>().ok());
        assert!(part.is_some_and(|part| (4..=10).contains(&part)), "which part brings it? {row}");
        rows += 1;
    }
    assert!(rows > 0, "the list of what is left is read");

    let mut tests = 0;
    for (file, test) in page.split('`').filter_map(|word| word.split_once("::")) {
        if !file.ends_with(".rs") {
            continue;
        }
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let there = text.contains(&format!("fn {test}("))
            || file.ends_with("golden.rs") && text.contains(&format!("{test} = "));
        assert!(there, "{file} has no test {test}");
        tests += 1;
    }
    assert!(tests > 50, "{tests}");
}
