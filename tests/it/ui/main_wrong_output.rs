//! The body returns something else than the function says: told where it is said, and not at the attribute.

#[raddle::main]
async fn main() -> Result<(), std::io::Error> {
    1
}
