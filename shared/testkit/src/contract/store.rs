//! The contract of the store ports: each promise of [`Store`], [`Ledger`], [`Quotes`], [`Letters`] and
//! [`Outbox`] as a test.
//!
//! An adapter implements [`StoreLab`] and calls [`store_contract!`](crate::store_contract) with a function
//! that sets up a lab with an empty store; every promise becomes a `#[tokio::test]`.

pub mod browse;
pub mod browse_past;
pub mod claims;
pub mod cuts;
pub mod data_kind;
pub mod desk;
pub mod drops;
pub mod episodes;
pub mod ledger;
pub mod left_out;
pub mod letters;
pub mod market;
pub mod market_drops;
pub mod outbox;
pub mod past;
pub mod processes;
pub mod proofs;
pub mod purges;
pub mod quotes;
pub mod replays;
pub mod rows;
pub mod sample;
pub mod schedules;
pub mod together;

use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::ManualClock;
use crate::contents::Contents;
use crate::tables::Tables;
use ports::store::{
    Browse, Desk, Drops, Ledger, Letters, Outbox, Processes, Proofs, Quotes, Schedules, Silences, Store,
};

/// An adapter under test.
#[async_trait]
pub trait StoreLab: Send + Sync {
    /// The adapter.
    type Store: Store
        + Browse
        + Desk
        + Drops
        + Ledger
        + Schedules
        + Quotes
        + Letters
        + Outbox
        + Silences
        + Processes
        + Proofs;

    /// The store of this lab: the same one each time.
    fn store(&self) -> Arc<Self::Store>;

    /// The same store as another process has it: with connections of its own.
    async fn beside(&self) -> Arc<Self::Store>;

    /// The clock the store dates by.
    fn clock(&self) -> &ManualClock;

    /// What the store holds, without asking it.
    fn contents(&self) -> Arc<dyn Contents>;

    /// What the store's tables about coins hold.
    async fn tables(&self) -> Tables {
        self.contents().tables().await
    }

    /// Marks a group as dealt with, as an operator does.
    async fn resolve(&self, fingerprint: &str) {
        self.contents().resolve(fingerprint).await;
    }
}

/// Generates one test per promise of the store ports. `$setup` is an async function without arguments
/// that gives a [`StoreLab`] with an empty store.
#[macro_export]
macro_rules! store_contract {
    ($setup:path) => {
        $crate::store_contract! { @ $setup;
            rows:
                doubles_are_kept_bit_for_bit
                zero_null_and_missing_stay_apart
                any_text_is_kept
                every_column_is_kept
                instants_are_kept_to_the_millisecond
                a_newer_quote_wins_and_an_older_one_only_enters_the_history
                a_repeat_changes_no_table
                of_equal_last_updated_the_later_fetch_wins
                a_rebuild_takes_the_place_of_its_own_fetch
                a_quote_seen_again_is_unchanged_and_names_its_newest_fetch
                the_newest_description_wins_and_seen_times_span_all
                every_identity_is_kept
                currencies_do_not_mix
                a_chunk_may_repeat_a_coin
                any_order_and_any_duplication_gives_the_same_tables
                large_chunks_load_whole
                old_history_is_pruned_in_steps;
            past:
                what_fills_a_gap_never_takes_the_place_of_what_was_fetched_live;
            left_out:
                a_row_without_quotes_changes_nothing
                a_refused_coin_does_not_take_the_others_with_it;
            together:
                chunks_that_are_loaded_together_are_as_if_one_after_the_other
                of_chunks_that_are_loaded_together_one_refused_coin_leaves_the_others;
            ledger:
                a_batch_is_complete_when_every_chunk_of_every_page_is_loaded
                an_announcement_and_its_chunks_may_come_in_any_order
                a_later_announcement_wins
                what_was_paid_is_told_by_when_it_was_fetched
                how_snapshots_went_is_told_newest_first
                a_verdict_stays_with_its_announcement
                an_empty_page_is_a_chunk_without_rows
                a_batch_is_as_new_as_its_newest_chunk
                repeats_are_counted_and_keep_the_first_loads_numbers
                a_page_transformed_again_replaces_what_the_transformer_said
                a_page_cut_anew_has_as_many_chunks_as_its_newest_says
                refused_coins_count_as_rejected
                batches_come_newest_slot_first
                the_batches_that_are_asked_for_come_newest_first;
            cuts:
                of_a_page_cut_anew_the_newest_cut_alone_counts
                what_a_longer_cut_left_does_not_count
                a_chunk_that_does_not_say_its_size_fits
                chunks_of_another_number_do_not_fit;
            replays:
                a_page_arrives_with_a_replay_when_all_its_chunks_do
                a_batch_has_the_replays_that_all_its_pages_have
                a_batch_with_parts_missing_has_no_replay
                parts_of_two_cuts_are_no_whole_replay
                replays_that_do_not_say_which_they_are_are_one;
            schedules:
                any_order_and_any_duplication_gives_the_same_schedules
                the_schedules_in_force_at_an_instant_and_later_are_told
                a_schedule_of_the_other_kind_is_refused_and_decides_nothing
                the_slots_of_a_span_that_have_a_batch_are_told_in_order;
            data_kind:
                simulated_data_keeps_real_data_out
                an_announcement_of_real_data_keeps_simulated_data_out
                of_two_kinds_at_once_exactly_one_gets_in;
            market:
                every_column_of_every_kind_is_kept
                of_one_key_the_latest_fetch_stays
                rows_of_a_kind_have_their_line_in_the_ledger
                a_refused_row_of_a_list_leaves_the_others
                a_chunk_of_a_kind_may_repeat_a_key
                kinds_of_simulated_and_real_data_never_mix
                only_a_whole_map_tells_which_coins_vanished
                a_coin_that_comes_back_has_not_vanished
                any_order_of_maps_gives_the_same_activity;
            drops:
                a_snapshot_of_nonsense_that_is_dropped_was_never_there
                what_a_dropped_batch_had_in_common_comes_back_with_the_batches_around_it
                a_drop_that_is_interrupted_is_begun_again
                what_still_waits_of_a_dropped_batch_is_not_loaded
                a_dropped_batch_is_let_in_again_when_that_is_asked_for
                a_batch_that_nobody_knows_is_not_dropped
                a_batch_of_thousands_of_pages_is_taken_out
                what_the_ledger_does_not_know_of_a_dropped_batch_is_found_and_taken_out;
            market_drops:
                of_each_kind_a_dropped_batch_was_never_there
                a_map_that_is_dropped_tells_nothing_and_deletes_no_coin
                the_first_and_the_only_map_can_be_dropped;
            proofs:
                what_is_there_is_found_without_its_numbers
                the_ledger_s_lines_are_found_by_batch;
            quotes:
                an_empty_store_answers
                totals_count_rows_and_tell_the_newest
                freshness_never_goes_back
                the_newest_quote_of_a_currency_is_told_when_it_is_new_enough
                the_best_ranked_come_first_and_the_unranked_last
                coins_that_left_the_listing_are_not_ranked;
            browse:
                an_empty_market_is_a_table_too
                the_market_is_sorted_by_any_column_with_nothing_last
                a_search_means_what_it_says
                coins_that_left_are_in_the_whole_market_alone
                the_currencies_of_the_newest_snapshot_come_first
                a_coin_is_told_whole;
            browse_past:
                a_peak_stays_in_the_chart
                sparklines_are_the_last_price_of_each_part
                the_market_is_told_as_it_was
                the_history_is_read_page_by_page
                any_question_is_answered_as_by_the_simplest_code;
            letters:
                a_letter_is_kept_whole
                a_death_is_counted_once
                a_letter_that_dies_again_counts_again
                a_group_is_resolved_unless_another_death_came
                a_letter_that_dies_of_another_cause_counts_there
                an_incident_has_one_death
                two_that_file_one_death_count_it_once
                letters_with_one_cause_make_one_group
                a_new_letter_opens_a_resolved_group_again
                a_list_shows_all_of_a_letter_but_its_body
                what_is_on_the_desk_can_be_asked_by_id
                what_was_filed_in_a_time_is_counted
                groups_and_letters_come_newest_first;
            desk:
                each_filter_takes_its_letters
                letters_are_counted_by_the_hour_of_their_newest_death
                pages_of_a_list_have_every_letter_once
                what_is_done_is_done_to_the_death_that_was_seen
                a_new_death_opens_a_settled_letter_again
                what_is_not_settled_is_counted_by_group
                a_replayed_letter_is_resolved_by_its_replay_alone
                a_chunk_that_a_replay_loaded_is_known
                letters_of_a_resolved_group_are_settled_with_it
                what_is_made_of_a_letter_takes_its_place
                actions_are_written_down;
            purges:
                what_is_old_and_settled_is_purged_in_portions
                open_letters_and_groups_in_use_are_never_purged
                mails_that_wait_are_never_purged;
            episodes:
                an_episode_is_from_opening_to_end
                an_end_is_told_to_whom_was_told_of_the_trouble
                an_end_that_nobody_was_told_of_was_none
                what_comes_and_goes_untold_is_to_be_told
                a_refused_mail_told_nobody_of_trouble_or_its_end
                a_silence_lasts_until_its_end_or_until_somebody_ends_it;
            outbox:
                a_mail_is_posted_once_and_covers_its_groups
                a_mail_covers_no_more_than_there_is
                a_mail_that_some_have_is_sent_and_goes_on_to_the_others
                what_says_the_same_on_another_channel_goes_its_own_way
                a_planner_sees_what_is_untold_and_what_was_posted
                what_two_plan_holds_for_both
                a_refused_mail_gives_back_what_it_covered
                a_refused_mail_leaves_what_a_later_one_told
                what_keeps_mails_from_arriving_is_told
                an_installation_keeps_its_name;
            claims:
                mails_are_claimed_oldest_first_and_by_one_at_a_time
                a_mail_is_due_until_it_is_sent_or_refused
                a_claim_that_ended_is_taken_over_and_its_holder_records_nothing
                an_attempt_is_recorded_once
                two_that_claim_never_hold_one_mail
                a_clock_that_was_ahead_holds_nothing_back;
            processes:
                a_process_is_as_it_last_said
                processes_come_newest_start_first_as_long_as_they_are_seen
                what_was_not_seen_for_long_is_forgotten_in_portions;
        }
    };
    (@ $setup:path; $($area:ident: $($promise:ident)+;)+) => {
        $($(
            #[tokio::test]
            async fn $promise() {
                $crate::contract::store::$area::$promise(&$setup().await).await;
            }
        )+)+
    };
}
