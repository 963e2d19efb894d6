//! What users of the tables, and other programs beside this one, find in them by SQL: the same in every database.
//!
//! An adapter implements [`SqlLab`] and calls [`sql_contract!`](crate::sql_contract) with a function that sets up a lab
//! with an empty store.

pub mod beside;
pub mod coins;
pub mod conversion;
pub mod drops;
pub mod load;
pub mod readme;
pub mod snapshot;
pub mod views;

use testkit::contract::store::StoreLab;

use crate::Client;

/// An adapter whose tables are in a database.
pub trait SqlLab: StoreLab {
    /// Where the database is.
    fn client(&self) -> Client;
}

/// Generates one test for each promise. `$setup` is an async function without arguments that gives a [`SqlLab`] with an
/// empty store.
#[macro_export]
macro_rules! sql_contract {
    ($setup:path) => {
        $crate::sql_contract! { @ $setup;
            beside:
                what_an_old_loader_loads_beside_new_ones_is_listed_and_fresh;
            coins:
                the_coins_of_the_version_before_are_seen_as_before
                what_a_snapshot_only_sees_again_of_coins_is_not_written;
            conversion:
                what_the_version_before_left_is_converted
                an_empty_history_is_converted
                a_conversion_killed_after_any_portion_goes_on_there;
            drops:
                what_loads_beside_a_drop_brings_nothing_back
                a_snapshot_that_is_dropped_is_not_the_listed_one;
            load:
                several_processes_loading_the_same_chunks_give_the_tables_of_one
                rows_and_ledger_row_are_written_together_or_not_at_all;
            readme:
                the_queries_of_the_readme_show_the_newest_snapshot_in_its_currency;
            views:
                the_view_coin_changes_tells_each_rename_once
                the_view_cryptocurrencies_has_one_row_per_coin_in_usd_if_there_is_one
                the_tables_have_a_column_for_every_measure_of_its_kind
                each_database_is_an_installation_of_its_own;
        }
    };
    (@ $setup:path; $($area:ident: $($promise:ident)+;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                $crate::contract::$area::$promise($setup).await;
            }
        )+)+
    };
}
