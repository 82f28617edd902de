//! JSON text as a tree that tells of keys that are there twice: serde would let the last one win.

use super::read::{Step, written};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, de::StrRead};

/// A whole text: what it says, and the path of the first key that is there twice.
pub(crate) fn tree(json: &str) -> serde_json::Result<(Value, Option<String>)> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let found = next(&mut reader)?;
    reader.end()?;
    Ok(found)
}

/// The same of what comes next; more may follow.
pub(super) fn next(reader: &mut serde_json::Deserializer<StrRead<'_>>) -> serde_json::Result<(Value, Option<String>)> {
    let mut found = Found::default();
    let document = Tree(&mut found).deserialize(reader)?;
    Ok((document, found.twice))
}

#[derive(Default)]
struct Found {
    path: Vec<Step>,
    /// The first key that is there twice.
    twice: Option<String>,
}

struct Tree<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.0.path.push(Step::Index(list.len()));
            let element = access.next_element_seed(Tree(self.0))?;
            self.0.path.pop();
            match element {
                Some(element) => list.push(element),
                None => return Ok(list.into()),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.0.path.push(Step::Key(key.clone()));
            if object.contains_key(&key) && self.0.twice.is_none() {
                self.0.twice = Some(written(&self.0.path));
            }
            object.insert(key, access.next_value_seed(Tree(self.0))?);
            self.0.path.pop();
        }
        Ok(object.into())
    }
}
