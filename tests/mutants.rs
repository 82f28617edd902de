//! The list of ways to break the session fits the sources; `make mutants` shows that each is noticed.

use std::{env, fs, path::Path};

/// A line of `tests/mutants/list.txt`.
struct Mutant {
    line: String,
    file: String,
    before: String,
    old: String,
    after: String,
    new: String,
}

fn mutants() -> Vec<Mutant> {
    let list = fs::read_to_string("tests/mutants/list.txt").unwrap();
    let lines = list.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'));
    let parse = |line: &str| {
        let (file, rest) = line.split_once(": ")?;
        let (place, new) = rest.rsplit_once("~>")?;
        let (before, rest) = place.split_once('«')?;
        let (old, after) = rest.split_once('»')?;
        let [file, before, old, after, new] = [file, before, old, after, new].map(|s| s.trim().to_owned());
        Some(Mutant { line: line.to_owned(), file: format!("src/session/{file}"), before, old, after, new })
    };
    lines.map(|l| parse(l).unwrap_or_else(|| panic!("not a mutant: {l}"))).collect()
}

/// Where `pattern` begins and ends in `text` at `from`, white space being any white space or none.
fn matches(text: &str, from: usize, pattern: &str) -> Option<usize> {
    let mut rest = text[from..].char_indices().filter(|(_, c)| !c.is_whitespace());
    let mut end = from;
    for wanted in pattern.chars().filter(|c| !c.is_whitespace()) {
        let (at, c) = rest.next()?;
        if c != wanted {
            return None;
        }
        end = from + at + c.len_utf8();
    }
    Some(end)
}

impl Mutant {
    /// Begin and end of what is replaced, in every place that fits.
    fn places(&self, text: &str) -> Vec<(usize, usize)> {
        let starts = text.char_indices().filter(|(_, c)| !c.is_whitespace()).map(|(i, _)| i);
        let place = |start: usize| {
            let old = matches(text, start, &self.before)?;
            // What is replaced begins behind the white space.
            let old = old + text[old..].len() - text[old..].trim_start().len();
            let end = matches(text, old, &self.old)?;
            matches(text, end, &self.after).map(|_| (old, end))
        };
        starts.filter_map(place).collect()
    }

    /// The sources with a switch in this place.
    fn switched(&self, number: usize, text: &str) -> String {
        let places = self.places(text);
        let [(from, to)] = places[..] else { panic!("{} is there {} times", self.line, places.len()) };
        let old = &text[from..to];
        let on = format!("crate::mutants::on({number})");
        let both = match (self.old.ends_with(';'), self.new.as_str()) {
            (true, "") => format!("if !{on} {{ {old} }}"),
            (true, new) => format!("if {on} {{ {new} }} else {{ {old} }}"),
            (false, new) => format!("(if {on} {{ {new} }} else {{ {old} }})"),
        };
        [&text[..from], &both, &text[to..]].concat()
    }
}

#[test]
fn every_mutant_has_its_place() {
    let mutants = mutants();
    assert!(mutants.len() >= 40, "{} mutants", mutants.len());
    // One after the other, as `make mutants` does: none may cover another.
    let mut sources = std::collections::HashMap::new();
    for (i, mutant) in mutants.iter().enumerate() {
        let text = sources.entry(&mutant.file).or_insert_with(|| fs::read_to_string(&mutant.file).unwrap());
        *text = mutant.switched(i, text);
    }
}

/// Puts all mutants into the sources below `MUTANTS_INTO`, each asleep until the environment names it.
#[test]
fn write_the_mutants() {
    let Some(into) = env::var_os("MUTANTS_INTO") else { return };
    let into = Path::new(&into);
    for (i, mutant) in mutants().iter().enumerate() {
        let file = into.join(&mutant.file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, mutant.switched(i, &text)).unwrap();
        println!("{i}\t{}", mutant.line);
    }
    let root = into.join("src/lib.rs");
    let switch = "\nmod mutants {\n    /// The mutant of this number is awake.\n    pub fn on(number: u32) -> bool {\n        \
        static AWAKE: std::sync::LazyLock<Option<u32>> =\n            \
        std::sync::LazyLock::new(|| std::env::var(\"MUTANT\").ok()?.parse().ok());\n        \
        *AWAKE == Some(number)\n    }\n}\n";
    let text = fs::read_to_string(&root).unwrap();
    fs::write(&root, text + switch).unwrap();
}
