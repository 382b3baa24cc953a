//! What shall happen then?

fn main() {
    let _ = async {
        raddle::select! {
            x = async { 1 },
            y = async { 2 } => y,
        }
    };
}
