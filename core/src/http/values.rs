//! The named values of a body, as little of them as a route can use.
//!
//! A general JSON tree takes fifty times the memory of `[[],[],[]]` written down. No route takes nested values, so lists
//! and objects are read past and remembered only as "something else", and of a body's fields only so many are kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Fields of a body that are kept; no route knows more than a handful.
const MOST_FIELDS: usize = 64;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// `null`.
    Null,
    /// Text.
    String(String),
    /// A whole number.
    Integer(i128),
    /// Anything that no field can be.
    Other,
}

impl Value {
    /// Whether the value is `null`.
    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

/// Values by name; of a name that comes twice, the last.
#[derive(Debug)]
pub(crate) struct Values(BTreeMap<String, Value>);

impl Values {
    /// The value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of this name, taken out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Texts by name, as in a form or a query.
    pub(crate) fn of_texts(pairs: Vec<(String, String)>) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, text)| (name, Value::String(text)))
                .collect(),
        )
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Integer(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Integer(number.into()))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::String(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Value, E> {
                Ok(Value::String(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Values;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Values, A::Error> {
                let mut values = BTreeMap::new();
                while let Some(name) = entries.next_key::<String>()? {
                    if values.len() < MOST_FIELDS || values.contains_key(&name) {
                        values.insert(name, entries.next_value()?);
                    } else {
                        entries.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Values(values))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_values_are_read_past_and_the_rest_is_kept() {
        let body = r#"{"a": "x", "b": [[], {"a": "y"}], "c": null, "d": -3, "e": 1.5, "a": "z"}"#;
        let values: Values = serde_json::from_str(body).unwrap();
        assert_eq!(values.get("a"), Some(&Value::String("z".into())));
        assert_eq!(values.get("b"), Some(&Value::Other));
        assert_eq!(values.get("c"), Some(&Value::Null));
        assert_eq!(values.get("d"), Some(&Value::Integer(-3)));
        assert_eq!(values.get("e"), Some(&Value::Other));
    }

    #[test]
    fn a_crowd_of_fields_is_not_kept() {
        let fields: Vec<String> = (0..10_000).map(|n| format!("\"{n}\": 1")).collect();
        let values: Values = serde_json::from_str(&format!("{{{}}}", fields.join(","))).unwrap();
        assert_eq!(values.0.len(), MOST_FIELDS);
    }
}
