package haredge.demo;

import android.app.Activity;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.ServiceConnection;
import android.os.Bundle;
import android.os.IBinder;
import android.util.Log;
import android.view.WindowManager;
import java.io.File;

/** Keeps the phone awake and the app in front while {@link BenchService} does a computer's job, named in the intent. */
public final class BenchActivity extends Activity {
    private boolean isMeasuring;

    private final ServiceConnection connection = new ServiceConnection() {
        @Override
        public void onServiceConnected(ComponentName name, IBinder access) {}

        @Override
        public void onServiceDisconnected(ComponentName name) {
            end();
            finish();
        }
    };

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON); // the clock goes down with the screen
        Intent intent = new Intent(this, BenchService.class)
                .putExtra(BenchService.JOB, getIntent().getStringExtra(BenchService.JOB))
                .putExtra(BenchService.ANSWERS, getExternalFilesDir("bench").getPath());
        isMeasuring = bindService(intent, connection, Context.BIND_AUTO_CREATE | Context.BIND_IMPORTANT);
    }

    @Override
    protected void onDestroy() {
        end();
        super.onDestroy();
    }

    private void end() {
        if (isMeasuring) {
            isMeasuring = false;
            unbindService(connection); // else the system would start it anew
            String job = new File(getIntent().getStringExtra(BenchService.JOB)).getName();
            Log.i(BenchService.TAG, "{\"done\": \"" + job + "\"}");
        }
    }
}
