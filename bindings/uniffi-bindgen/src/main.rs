//! Writes the bindings of the library it was built with: `uniffi-bindgen generate --library … --language python`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
